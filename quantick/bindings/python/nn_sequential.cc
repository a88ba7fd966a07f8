// Sequential: blocks in a row, with an index and slices.
#include <memory>

#include "quantick/bindings/python/block.h"
#include "quantick/bindings/python/casters.h"
#include "quantick/core/error.h"
#include "quantick/nn/sequential.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace quantick::python {
namespace {

std::shared_ptr<nn::Block> child_at(const nn::Sequential& self, int64_t index) {
  const auto size = static_cast<int64_t>(self.size());
  QTK_CHECK(index >= -size && index < size, IndexError, "[sequential] index, was {}, expected one of {} blocks", index,
            size);
  return self.children()[static_cast<size_t>(index < 0 ? index + size : index)].second;
}

/// The blocks keep the names that they have here. The slice holds Python's blocks by references of its own, which the
/// collector counts.
std::shared_ptr<nn::Sequential> slice_of(const nn::Sequential& self, const nb::slice& slice) {
  const auto [start, stop, step, length] = slice.compute(self.size());
  auto out = std::make_shared<nn::Sequential>();
  for (size_t i = 0; i < length; ++i) {
    const auto& [name, child] = self.children()[static_cast<size_t>(start + static_cast<Py_ssize_t>(i) * step)];
    out->add_shared_child(name, nb::cast<std::shared_ptr<nn::Block>>(nb::cast(child)));
  }
  return out;
}

}  // namespace

void bind_sequential(nb::module_& m) {
  nb::class_<nn::Sequential, PythonBlock<nn::Sequential>> sequential(
      m, "Sequential", nb::type<HybridBlock>(), nb::type_slots(block_slots()),
      "Blocks in a row; children are named \"0\", \"1\", ...");
  sequential
      .def(
          "__init__",
          [](nb::pointer_and_handle<nn::Sequential> self, nb::handle prefix, nb::handle params) {
            if (nb::inst_python_derived(self.h))
              new (static_cast<void*>(self.p)) PythonBlock<nn::Sequential>();
            else
              new (static_cast<void*>(self.p)) nn::Sequential();
            nb::inst_set_state(self.h, true, true);
            set_prefix(self.h, prefix);
            share_params(self.h, params);
          },
          "prefix"_a = nb::none(), "params"_a = nb::none(),
          nb::sig("def __init__(self, prefix: str | None = None, params: typing.Any = None) -> None"))
      .def(
          "add",
          [](nn::Sequential& self, const nb::args& blocks) {
            for (nb::handle block : blocks) {
              QTK_CHECK(nb::isinstance<nn::Block>(block), TypeError, "[sequential] add, was a {}, expected a Block",
                        nb::cast<std::string>(nb::inst_name(block)));
              self.add(nb::cast<std::shared_ptr<nn::Block>>(block));
            }
          },
          nb::sig("def add(self, *blocks: Block) -> None"), "Adds blocks at the end.")
      .def("__len__", &nn::Sequential::size)
      .def("__getitem__", &child_at, "index"_a)
      .def("__getitem__", &slice_of, "index"_a, "A container of the same blocks.");
}

}  // namespace quantick::python
