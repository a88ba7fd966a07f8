// Streams and model slots. A tick allocates nothing: numbers are read from the caller's buffer and written into the
// caller's, or into memory of the stream's own that Python sees as `out`. The lock stays held: giving it up and taking
// it back costs as much as a small model's step, and waits where another thread holds it.
#include "quantick/runtime/stream.h"

#include <nanobind/stl/filesystem.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

#include "quantick/bindings/python/casters.h"
#include "quantick/bindings/python/runtime.h"
#include "quantick/bindings/python/unlocked.h"
#include "quantick/core/error.h"
#include "quantick/runtime/model_slot.h"
#include "quantick/runtime/session.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace quantick::python {
namespace {

using runtime::ModelSlot;
using runtime::Program;
using runtime::Session;
using runtime::Status;
using runtime::Stream;
using runtime::StreamOptions;
using runtime::Tick;

/// A C-contiguous buffer of one element type for the length of a call: NumPy's, an NDArray's, any other's.
class Buffer {
 public:
  /// `format` is Python's letter of the element type, of `size` bytes. Throws TypeError for no buffer and another type,
  /// ValueError for one that is not contiguous or, where it is to be written, read-only.
  Buffer(nb::handle source, const char* name, char format, size_t size, bool writable) {
    if (nb::isinstance<Array>(source)) {
      Array& array = nb::cast<Array&>(source);
      QTK_CHECK(format == 'f' && array.dtype() == DType::f32, TypeError, "[stream] {}, was of {}, expected {}", name,
                dtype_name(array.dtype()), wanted(format));
      QTK_CHECK(array.is_contiguous(), ValueError, "[stream] {}, was not contiguous", name);
      data_ = writable ? array.mutable_raw() : const_cast<std::byte*>(array.raw());
      count_ = static_cast<size_t>(array.size());
      if (array.ndim() > 1) first_ = array.shape()[0];
      return;
    }
    if (PyObject_GetBuffer(source.ptr(), &view_, PyBUF_STRIDES | PyBUF_FORMAT) != 0) {
      PyErr_Clear();
      view_.obj = nullptr;
      fail<TypeError>("[stream] {}, was a {}, expected a NumPy array or NDArray of {}", name,
                      nb::cast<std::string>(nb::inst_name(source)), wanted(format));
    }
    try {
      check(name, format, size, writable);
    } catch (...) {
      PyBuffer_Release(&view_);
      throw;
    }
    data_ = static_cast<std::byte*>(view_.buf);
    count_ = static_cast<size_t>(view_.len) / size;
    if (view_.ndim > 1) first_ = view_.shape[0];
  }
  ~Buffer() {
    if (view_.obj != nullptr) PyBuffer_Release(&view_);
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  template <class T>
  std::span<T> span() const {
    return {reinterpret_cast<T*>(data_), count_};
  }

  /// Whether it may be read as so many rows: it is flat, or its first axis has them. A single row may have any shape.
  bool has_rows(int64_t rows) const { return first_ < 0 || first_ == rows || rows == 1; }
  int64_t first() const { return first_; }

 private:
  static std::string_view wanted(char format) { return format == 'f' ? "float32" : "int64"; }

  void check(const char* name, char format, size_t size, bool writable) const {
    // "<f", "=f", "@f" and "f" are the same here; int64 is 'l' or 'q'.
    const std::string_view was = view_.format == nullptr ? "B" : view_.format;
    const bool same = was.size() <= 2 && (was.size() == 1 || was[0] == '<' || was[0] == '=' || was[0] == '@') &&
                      (was.back() == format || (format == 'l' && was.back() == 'q'));
    QTK_CHECK(same && view_.itemsize == static_cast<Py_ssize_t>(size), TypeError,
              "[stream] {}, was of elements \"{}\", expected {}", name, was, wanted(format));
    QTK_CHECK(PyBuffer_IsContiguous(&view_, 'C') != 0, ValueError, "[stream] {}, was not contiguous", name);
    QTK_CHECK(reinterpret_cast<uintptr_t>(view_.buf) % size == 0, ValueError, "[stream] {}, was not aligned", name);
    QTK_CHECK(!writable || view_.readonly == 0, ValueError, "[stream] {}, was read-only, expected memory to write into",
              name);
  }

  Py_buffer view_{};
  std::byte* data_ = nullptr;
  size_t count_ = 0;
  int64_t first_ = -1;  ///< extent of the first axis of several
};

/// What Python gets of a tick.
struct TickStatus {
  Status status;
  uint64_t model = 1;
};

TickStatus said(const Status& status) { return {status, 1}; }
TickStatus said(const Tick& tick) { return {tick.status, tick.model}; }

std::string text_of(const TickStatus& s) {
  if (s.status.ok()) return fmt::format("TickStatus(ok, model={})", s.model);
  return fmt::format("TickStatus({}, instrument={}, column={}, model={})", status_name(s.status.code),
                     s.status.instrument, s.status.column, s.model);
}

/// A stream or slot and the memory that Python reads its outputs from.
template <class Engine>
class Live {
 public:
  template <class... Arguments>
  explicit Live(const Shape& channels, Arguments&&... arguments) : engine(std::forward<Arguments>(arguments)...) {
    Shape shape{engine.instruments()};
    for (const int64_t extent : channels) shape.push_back(extent);
    out = Array::full(shape, std::nan(""));
    packed_.resize(static_cast<size_t>(out.size()));
    chosen_.resize(static_cast<size_t>(engine.instruments()));
  }

  nb::object step(nb::handle features, nb::handle to, nb::handle instruments) {
    const Buffer x(features, "features", 'f', sizeof(float), false);
    if (instruments.is_none()) {
      check_rows(x, "features", engine.instruments(), engine.columns());
      if (to.is_none()) return tell(engine.step(x.span<const float>(), all()));
      const Buffer y(to, "out", 'f', sizeof(float), true);
      check_rows(y, "out", engine.instruments(), engine.output_width());
      return tell(engine.step(x.span<const float>(), y.span<float>()));
    }
    // NumPy's arrays, too, have an index where they hold one number.
    if (PyIndex_Check(instruments.ptr()) && !PySequence_Check(instruments.ptr())) {
      const int64_t i = index(instruments);
      check_rows(x, "features", 1, engine.columns());
      if (to.is_none()) return tell(engine.step(i, x.span<const float>(), row(i)));
      const Buffer y(to, "out", 'f', sizeof(float), true);
      check_rows(y, "out", 1, engine.output_width());
      return tell(engine.step(i, x.span<const float>(), y.span<float>()));
    }
    const std::span<const int64_t> some = choose(instruments);
    const auto count = static_cast<int64_t>(some.size());
    check_rows(x, "features", count, engine.columns());
    if (!to.is_none()) {
      const Buffer y(to, "out", 'f', sizeof(float), true);
      check_rows(y, "out", count, engine.output_width());
      return tell(engine.step(some, x.span<const float>(), y.span<float>()));
    }
    const auto width = static_cast<size_t>(engine.output_width());
    const auto result = engine.step(some, x.span<const float>(), std::span(packed_).first(some.size() * width));
    if (said(result).status.code != Status::Code::wrong_instrument)
      for (size_t k = 0; k < some.size(); ++k) std::copy_n(packed_.data() + k * width, width, row(some[k]).data());
    return tell(result);
  }

  void prepare(nb::handle instrument) {
    if (instrument.is_none()) return engine.prepare();
    engine.prepare(index(instrument));
  }
  void reset(nb::handle instrument) {
    if (instrument.is_none()) return engine.reset();
    engine.reset(index(instrument));
  }

  nb::object absorb(nb::handle instrument, nb::handle features) {
    const int64_t i = index(instrument);
    const Buffer x(features, "features", 'f', sizeof(float), false);
    const std::span<const float> values = x.span<const float>();
    QTK_CHECK(values.size() % static_cast<size_t>(engine.columns()) == 0, ShapeError,
              "[stream] features, were {} numbers, expected rows of {}", values.size(), engine.columns());
    const int64_t rows = static_cast<int64_t>(values.size()) / engine.columns();
    QTK_CHECK(x.has_rows(rows), ShapeError, "[stream] features, were {} rows of {} numbers in all, expected rows of {}",
              x.first(), values.size(), engine.columns());
    return tell(engine.absorb(i, values));
  }

  Engine engine;
  Array out;

 private:
  std::span<float> all() { return {out.mutable_data<float>(), packed_.size()}; }
  std::span<float> row(int64_t instrument) {
    const auto width = static_cast<size_t>(engine.output_width());
    return all().subspan(static_cast<size_t>(instrument) * width, width);
  }

  void check_rows(const Buffer& buffer, const char* name, int64_t rows, int64_t width) const {
    QTK_CHECK(buffer.span<float>().size() == static_cast<size_t>(rows * width), ShapeError,
              "[stream] {}, were {} numbers, expected {} x {}", name, buffer.span<float>().size(), rows, width);
    QTK_CHECK(buffer.has_rows(rows), ShapeError, "[stream] {}, were {} rows, expected {} x {}", name, buffer.first(),
              rows, width);
  }

  int64_t index(nb::handle value) const {
    const Py_ssize_t i = PyNumber_AsSsize_t(value.ptr(), PyExc_OverflowError);
    if (i == -1 && PyErr_Occurred() != nullptr) throw nb::python_error();
    QTK_CHECK(i >= 0 && i < engine.instruments(), ValueError, "[stream] instrument, was {}, expected 0..{}", i,
              engine.instruments() - 1);
    return i;
  }

  /// Copied, since they are few.
  std::span<const int64_t> choose(nb::handle instruments) {
    size_t count = 0;
    const auto add = [&](int64_t i) {
      QTK_CHECK(count < chosen_.size(), ValueError, "[stream] instruments, were more than the stream's {}",
                chosen_.size());
      chosen_[count++] = i;
    };
    if (PySequence_Check(instruments.ptr()) != 0 && PyObject_CheckBuffer(instruments.ptr()) == 0 &&
        !nb::isinstance<Array>(instruments)) {
      for (nb::handle item : instruments) add(index(item));
    } else {
      const Buffer given(instruments, "instruments", 'l', sizeof(int64_t), false);
      for (const int64_t i : given.span<const int64_t>()) add(i);
    }
    return std::span(chosen_).first(count);
  }

  template <class Said>
  nb::object tell(const Said& result) {
    const TickStatus now = said(result);
    // The usual answer is the last one once more.
    if (now.status.ok() && fine_.is_valid() && now.model == fine_model_) return fine_;
    QTK_CHECK(now.status.code != Status::Code::wrong_instrument, ValueError,
              "[stream] instruments, had {}, which is outside 0..{} or stands there twice", now.status.instrument,
              engine.instruments() - 1);
    nb::object told = nb::cast(now);
    if (now.status.ok()) {
      fine_ = told;
      fine_model_ = now.model;
    }
    return told;
  }

  std::vector<float> packed_;
  std::vector<int64_t> chosen_;
  nb::object fine_;
  uint64_t fine_model_ = 0;
};

using LiveStream = Live<Stream>;
using LiveSlot = Live<ModelSlot>;

/// Without the lock: many instruments have much state.
void make_stream(LiveStream* self, std::shared_ptr<const runtime::Plan> plan, int64_t instruments, int64_t window) {
  const Unlocked released;
  const Shape channels = plan->values()[static_cast<size_t>(plan->output())].channels;
  new (self) LiveStream(channels, std::move(plan), StreamOptions{.instruments = instruments, .window = window});
}

template <class Engine>
void bind_ticks(nb::class_<Live<Engine>>& bound) {
  using L = Live<Engine>;
  bound
      .def("step", &L::step, "features"_a.none(), "out"_a = nb::none(), "instruments"_a = nb::none(),
           nb::sig("def step(self, features: typing.Any, out: typing.Any = None, instruments: int | "
                   "collections.abc.Sequence[int] | typing.Any = None) -> TickStatus"),
           "One tick: of all instruments (features float32 [instruments, columns]), of one (an index; features "
           "[columns]), or of some (a sequence or int64 array of k different ones; features [k, columns]). Results go "
           "into "
           "`out`, as many rows of output_width; where it is None, into self.out, row by instrument. Buffers are "
           "contiguous; nothing is copied or allocated. Returns a status, which is true where all is well: \"not "
           "finite\" and \"warming up\" leave NaN in the rows they concern. Raises ShapeError and ValueError for wrong "
           "sizes and instruments, TypeError for other element types; then nothing was stepped.")
      .def("prepare", &L::prepare, "instrument"_a = nb::none(),
           nb::sig("def prepare(self, instrument: int | None = None) -> None"),
           "Does ahead of the next tick what does not depend on it; the next step takes less time and gives the same "
           "bits.")
      .def("reset", &L::reset, "instrument"_a = nb::none(),
           nb::sig("def reset(self, instrument: int | None = None) -> None"),
           "Forgets what one instrument, or all, have seen.")
      .def("absorb", &L::absorb, "instrument"_a, "features"_a.none(),
           nb::sig("def absorb(self, instrument: int, features: typing.Any) -> TickStatus"),
           "Past steps of one instrument, oldest first, whose outputs nobody wants: float32 [k, columns]. A slot keeps "
           "them in its history, too.")
      .def(
          "warm_up", [](L& self) { self.engine.warm_up(); },
          "Brings weights and code into the caches, so that the first tick is as fast as the hundredth. No instrument "
          "is "
          "changed.")
      .def(
          "keep_warm", [](L& self) { self.engine.keep_warm(); },
          "The same, one step long: for the pauses between ticks.")
      .def(
          "__reduce__",
          [](const L&) {
            fail<TypeError>(
                "[stream] cannot be pickled or copied: pickle the Program, or the quantized network, and "
                "absorb() the history into a new one");
          },
          nb::sig("def __reduce__(self) -> typing.NoReturn"))
      .def_ro("out", &L::out, "The newest outputs, [instruments, ...]: memory that steps without `out` write into.")
      .def_prop_ro("instruments", [](const L& self) { return self.engine.instruments(); })
      .def_prop_ro(
          "columns", [](const L& self) { return self.engine.columns(); }, "Features of one row.")
      .def_prop_ro(
          "output_width", [](const L& self) { return self.engine.output_width(); }, "Outputs of one row.");
}

}  // namespace

void bind_streams(nb::module_& m) {
  nb::class_<TickStatus>(m, "TickStatus", "What a tick says. True: all is well.")
      .def_prop_ro("ok", [](const TickStatus& s) { return s.status.ok(); })
      .def_prop_ro(
          "name", [](const TickStatus& s) { return std::string(status_name(s.status.code)); },
          "\"ok\"; \"not finite\": NaN or infinity where the program rejects it, each instrument that has one starts "
          "anew; \"warming up\": a rolling window is not full yet.")
      .def_prop_ro(
          "instrument", [](const TickStatus& s) { return s.status.instrument; }, "The first one concerned, or -1.")
      .def_prop_ro(
          "column", [](const TickStatus& s) { return s.status.column; }, "Of the first NaN or infinity, or -1.")
      .def_ro("model", &TickStatus::model, "Number of the model that made the outputs, from 1.")
      .def("__bool__", [](const TickStatus& s) { return s.status.ok(); })
      .def("__repr__", &text_of);

  nb::class_<LiveStream> stream(m, "Stream", nb::is_weak_referenceable(),
                                "Runs a program tick by tick for a fixed number of instruments, each with a state of "
                                "its own over one set of weights.");
  stream.def(
      "__init__",
      [](LiveStream* self, nb::handle model, int64_t instruments, int64_t window) {
        make_stream(self, plan_of(model, "stream"), instruments, window);
      },
      "model"_a, "instruments"_a = 1, "window"_a = 0,
      nb::sig("def __init__(self, model: Session | Program | typing.Any, instruments: int = 1, window: int = 0) -> "
              "None"),
      "model: a Session or a quantized network, whose packed weights it shares, or a Program. window 0: the state "
      "is carried from the start, or the last reset, on; else each step gives what the session gives for the last "
      "`window` rows.");
  bind_ticks(stream);
  stream.def("__repr__", [](const LiveStream& self) {
    const Stream& s = self.engine;
    return fmt::format("Stream({} instruments, {} columns -> {}{})", s.instruments(), s.columns(), s.output_width(),
                       s.options().window > 0 ? fmt::format(", window {}", s.options().window) : "");
  });
  stream.def_prop_ro(
      "window", [](const LiveStream& self) { return self.engine.options().window; }, "Rows replayed per step, or 0.");

  nb::class_<LiveSlot> slot(m, "ModelSlot", nb::is_weak_referenceable(),
                            "A stream whose model another thread can exchange while it ticks: no step waits, none is "
                            "missed.");
  slot.def(
      "__init__",
      [](LiveSlot* self, nb::handle model, int64_t instruments, int64_t window, int64_t history) {
        const Program program = program_of(model, "model slot");
        const runtime::ModelSlotOptions options{.stream = {.instruments = instruments, .window = window},
                                                .history = history};
        program.check();
        new (self) LiveSlot(program.output().channels, program, options);
      },
      "program"_a, "instruments"_a = 1, "window"_a = 0, "history"_a = 0,
      nb::sig(
          "def __init__(self, program: Program | typing.Any, instruments: int = 1, window: int = 0, history: int = 0) "
          "-> None"),
      "Of a Program, or of a quantized network. history: rows of features kept per instrument, from which a model with "
      "other states learns the past, at least "
      "the window; 0: such a model is refused.");
  bind_ticks(slot);
  slot.def("__repr__", [](const LiveSlot& self) {
    const ModelSlot& s = self.engine;
    return fmt::format("ModelSlot({} instruments, {} columns -> {}, model {} runs)", s.instruments(), s.columns(),
                       s.output_width(), s.running());
  });
  slot.def(
          "offer",
          [](LiveSlot& self, nb::handle model) {
            const Program program = program_of(model, "model slot");
            const Unlocked released;
            return self.engine.offer(program);
          },
          "program"_a, nb::sig("def offer(self, program: Program | typing.Any) -> int"),
          "From any thread, a Program or a quantized network: packs and warms the program up, lets it learn the past, "
          "and leaves it for the next tick. "
          "Returns its number. Raises ValueError where its columns, outputs or rules for missing values differ, or a "
          "history is needed; the running model then stays.")
      .def(
          "offer_file",
          [](LiveSlot& self, const std::filesystem::path& path) {
            const Unlocked released;
            return self.engine.offer_file(path.string());
          },
          "path"_a, nb::sig("def offer_file(self, path: str | os.PathLike[str]) -> int"),
          "The same with a model file, as Program.load checks it.")
      .def_prop_ro(
          "running", [](const LiveSlot& self) { return self.engine.running(); }, "Number of the model that runs.")
      .def(
          "collect", [](LiveSlot& self) { return self.engine.collect(); },
          "Frees models that are no longer used; returns how many there still are.");
}

}  // namespace quantick::python
