// The Arrow door: tables of other libraries in, ours out, by the PyCapsule protocol
// (https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html).
#include "quantick/tensor/arrow.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string_view.h>

#include "quantick/bindings/python/casters.h"
#include "quantick/bindings/python/data.h"
#include "quantick/bindings/python/unlocked.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace quantick::python {
namespace {

/// What a capsule of this name points at. Throws TypeError that says what came instead.
template <class Struct>
Struct& inside(nb::handle capsule, const char* name, const char* method) {
  QTK_CHECK(PyCapsule_IsValid(capsule.ptr(), name), TypeError, "[frame] {}() gave a {}, expected a capsule \"{}\"",
            method, nb::cast<std::string>(nb::inst_name(capsule)), name);
  return *static_cast<Struct*>(PyCapsule_GetPointer(capsule.ptr(), name));
}

ArrowTable table_of(nb::handle source) {
  if (nb::hasattr(source, "__arrow_c_stream__")) {
    const nb::object capsule = source.attr("__arrow_c_stream__")();
    auto& stream = inside<ArrowArrayStream>(capsule, "arrow_array_stream", "__arrow_c_stream__");
    // A database computes its batches now, maybe with threads that want the lock.
    const Unlocked released;
    return ArrowTable::read(stream);
  }
  QTK_CHECK(nb::hasattr(source, "__arrow_c_array__"), TypeError,
            "[frame] was a {}, expected an object with __arrow_c_stream__ or __arrow_c_array__",
            nb::cast<std::string>(nb::inst_name(source)));
  const nb::object pair = source.attr("__arrow_c_array__")();
  QTK_CHECK(nb::isinstance<nb::tuple>(pair) && nb::len(pair) == 2, TypeError,
            "[frame] __arrow_c_array__() gave a {}, expected two capsules", nb::cast<std::string>(nb::inst_name(pair)));
  return ArrowTable::read(inside<ArrowSchema>(pair[0], "arrow_schema", "__arrow_c_array__"),
                          inside<ArrowArray>(pair[1], "arrow_array", "__arrow_c_array__"));
}

nb::object stream_of(const ArrowTable& table) {
  auto stream = std::make_unique<ArrowArrayStream>();
  table.write(*stream);
  PyObject* capsule = PyCapsule_New(stream.get(), "arrow_array_stream", [](PyObject* given) {
    auto* kept = static_cast<ArrowArrayStream*>(PyCapsule_GetPointer(given, "arrow_array_stream"));
    if (kept->release != nullptr) kept->release(kept);
    delete kept;
  });
  if (capsule == nullptr) {
    stream->release(stream.get());
    throw nb::python_error();
  }
  stream.release();
  return nb::steal(capsule);
}

/// array_of() that keeps the Python object itself: NumPy's own hold on the memory is never let go once the interpreter
/// is on its way out, and what it belongs to (a Panel, say) would be reported as leaked.
Array memory_of(nb::handle values) {
  const Array array = array_of(values);
  std::shared_ptr<void> owner(new nb::object(nb::borrow(values)), [](void* kept) {
    const Locked lock;
    delete static_cast<nb::object*>(kept);
  });
  return Array::wrap_read_only(array.raw(), array.dtype(), array.shape(), std::move(owner), array.strides());
}

void bind_columns(nb::module_& m) {
  nb::class_<ArrowColumn>(m, "Column", "One column of a Table: numbers, truth values, text, dates or times.")
      .def_static(
          "of_numbers",
          [](std::string name, nb::handle values) {
            return ArrowColumn::from_array(std::move(name), memory_of(values));
          },
          "name"_a, "values"_a, nb::sig("def of_numbers(name: str, values: typing.Any) -> Column"),
          "Shares the memory of a contiguous array [rows].")
      .def_static("of_texts", &ArrowColumn::from_texts, "name"_a, "values"_a, "Texts; None: null.")
      .def_static(
          "of_days",
          [](std::string name, const WholeNumbers& days) {
            std::vector<int32_t> out;
            for (const market::Date date : dates_of(days)) out.push_back(date.days);
            return ArrowColumn::from_days(std::move(name), out);
          },
          "name"_a, "days"_a, nb::sig("def of_days(name: str, days: typing.Any) -> Column"),
          "Dates, as days since 1970-01-01.")
      .def_static(
          "of_times",
          [](std::string name, nb::handle values, const std::string& unit, const std::string& zone) {
            return ArrowColumn::from_times(std::move(name), memory_of(values), unit, zone);
          },
          "name"_a, "values"_a, "unit"_a, "time_zone"_a = "",
          nb::sig("def of_times(name: str, values: typing.Any, unit: str, time_zone: str = '') -> Column"),
          "Times, as int64 in `unit` (s, ms, us, ns) since 1970-01-01; of UTC where there is a time zone.")
      .def_prop_ro("name", &ArrowColumn::name)
      .def_prop_ro("type", &ArrowColumn::type_name, "Such as float64, dictionary of text, timestamp[us, UTC].")
      .def_prop_ro(
          "chunks", [](const ArrowColumn& c) { return c.chunks().size(); }, "Pieces of memory it lies in.")
      .def_prop_ro("null_count", &ArrowColumn::null_count)
      .def("renamed", &ArrowColumn::renamed, "name"_a)
      .def("__len__", &ArrowColumn::size)
      .def("values", &ArrowColumn::values,
           "Numbers [rows] as a read-only NDArray: the column's own memory where it is one chunk without nulls, else a "
           "copy. Nulls become NaN in float columns; raises ValueError for them in others, TypeError for what is no "
           "number, with column and row.")
      .def(
          "texts",
          [](const ArrowColumn& column) {
            const TextCodes codes = column.texts();
            std::vector<std::optional<std::string>> out;
            for (const int32_t code : codes.codes)
              out.push_back(code < 0 ? std::nullopt : std::optional(codes.names[static_cast<size_t>(code)]));
            return out;
          },
          "Texts, None for null. Raises TypeError for other columns.");
}

}  // namespace

void bind_arrow(nb::module_& m) {
  bind_columns(m);
  nb::class_<ArrowTable>(m, "Table",
                         "Columns of one length, by the Arrow C data interface: read from any library that speaks it, "
                         "and read by them (pyarrow.table(t), polars.DataFrame(t)) without a copy.")
      .def(nb::init<std::vector<ArrowColumn>>(), "columns"_a)
      .def_static("read", &table_of, "source"_a, nb::sig("def read(source: typing.Any) -> Table"),
                  "Of an object with __arrow_c_stream__ or __arrow_c_array__.")
      .def_prop_ro("names", &ArrowTable::names)
      .def_prop_ro("columns", &ArrowTable::columns)
      .def("column", &ArrowTable::column, "name"_a, nb::rv_policy::copy)
      .def(
          "__getitem__", [](const ArrowTable& t, const std::string& name) { return t.column(name).values(); }, "name"_a,
          "Numbers of a column, see Column.values().")
      .def("__len__", &ArrowTable::rows)
      .def(
          "__arrow_c_stream__", [](const ArrowTable& t, nb::handle) { return stream_of(t); },
          "requested_schema"_a = nb::none(),
          nb::sig("def __arrow_c_stream__(self, requested_schema: typing.Any = None) -> typing.Any"))
      .def("__repr__", [](const ArrowTable& t) {
        std::string out = fmt::format("Table of {} rows", t.rows());
        for (const auto& column : t.columns()) out += fmt::format("\n  {}: {}", column.name(), column.type_name());
        return out;
      });
}

}  // namespace quantick::python
