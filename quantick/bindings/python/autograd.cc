// Scopes and passes of quantick.autograd, and the streams of random numbers.
#include "quantick/autograd/autograd.h"

#include <memory>
#include <thread>

#include "quantick/bindings/python/casters.h"
#include "quantick/bindings/python/module.h"
#include "quantick/bindings/python/unlocked.h"
#include "quantick/core/error.h"
#include "quantick/graph/tracing.h"
#include "quantick/ops/random.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace quantick::python {
namespace {

/// A C++ scope as a Python context manager; entered again, it is a new scope.
template <class Scope>
class Context {
 public:
  explicit Context(bool train_mode) : train_mode_(train_mode) {}
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  void enter() { scopes_.push_back({std::this_thread::get_id(), std::make_unique<Scope>(train_mode_)}); }
  void leave() {
    QTK_CHECK(!scopes_.empty(), ValueError, "[autograd] scope left, expected it to have been entered");
    QTK_CHECK(
        scopes_.back().thread == std::this_thread::get_id(), ValueError,
        "[autograd] scope left on another thread than it was entered on, expected the same: scopes are a thread's "
        "own");
    scopes_.pop_back();
  }

 private:
  struct Entered {
    std::thread::id thread;
    std::unique_ptr<Scope> scope;
  };

  bool train_mode_;
  std::vector<Entered> scopes_;
};

template <class Scope>
void bind_context(nb::module_& m, const char* name, const char* doc) {
  using C = Context<Scope>;
  nb::class_<C>(m, name, doc)
      .def(nb::init<bool>(), "train_mode"_a)
      .def(
          "__enter__",
          [](nb::handle self) {
            nb::cast<C&>(self).enter();
            return nb::borrow(self);
          },
          nb::sig((std::string("def __enter__(self) -> ") + name).c_str()))
      .def(
          "__exit__", [](C& self, const nb::args&) { self.leave(); },
          nb::sig("def __exit__(self, *exception: object) -> None"));
}

/// Ones where none is given, as in Gluon: the gradient of the sum.
Arrays head_gradients(const Arrays& heads, const nb::iterable& given) {
  Arrays out = arrays_of(given);
  if (out.empty()) out.resize(heads.size());
  for (size_t i = 0; i < std::min(out.size(), heads.size()); ++i)
    if (!out[i].defined()) out[i] = Array::ones(heads[i].shape(), heads[i].dtype());
  return out;
}

void backward(const nb::iterable& heads, const nb::iterable& head_grads, bool retain_graph) {
  const Arrays from = arrays_of(heads), gradients = head_gradients(from, head_grads);
  const Unlocked released;
  autograd::backward(from, gradients, retain_graph);
}

Arrays gradients(const nb::iterable& heads, const nb::iterable& variables, const nb::iterable& head_grads,
                 bool retain_graph) {
  const Arrays from = arrays_of(heads), by = arrays_of(variables), start = head_gradients(from, head_grads);
  for (size_t i = 0; i < by.size(); ++i)
    QTK_CHECK(by[i].has_grad(), ValueError,
              "[autograd] variable {}, of {}, has no gradient: call attach_grad() before it is used", i,
              by[i].type().text());
  const Unlocked released;
  return autograd::gradients(from, by, start, retain_graph);
}

/// A call whose gradients a function of Python gives: as many as there are inputs, None where none flows.
void record_function(const nb::iterable& inputs, const nb::iterable& outputs, nb::object gradient) {
  const Arrays from = arrays_of(inputs), to = arrays_of(outputs);
  for (const Array& x : from)
    QTK_CHECK(!graph::is_traced(x), UnsupportedError,
              "[function] called in a forward that is hybridized or exported, expected operators alone");
  Types types;
  for (const Array& y : to) types.push_back(y.type());
  const std::shared_ptr<PyObject> held(gradient.release().ptr(), [](PyObject* object) {
    const Locked lock;
    Py_DECREF(object);
  });
  autograd::record_call(from, to, [held, from, types](std::span<const Array> given) {
    const Locked lock;
    nb::list row;
    for (size_t i = 0; i < types.size(); ++i)
      row.append(given[i].defined() ? given[i] : Array::zeros(types[i].shape, types[i].dtype));
    const nb::object answer = nb::handle(held.get())(*row);
    const Arrays out = arrays_of(nb::borrow<nb::iterable>(answer));
    QTK_CHECK(out.size() == from.size(), ValueError, "[function] gradients of backward(), were {}, expected {}",
              out.size(), from.size());
    for (size_t i = 0; i < out.size(); ++i)
      QTK_CHECK(!out[i].defined() || out[i].type() == from[i].type(), ShapeError,
                "[function] gradient {} of backward(), was {}, expected {}", i, out[i].type().text(),
                from[i].type().text());
    return out;
  });
}

/// The stream that seed() started on this thread.
std::unique_ptr<RandomScope>& seeded() {
  thread_local std::unique_ptr<RandomScope> scope;
  return scope;
}

void seed(uint64_t number) {
  seeded().reset();
  seeded() = std::make_unique<RandomScope>(Key(number).fold("seed"));
}

/// Element i is draw(key, i), whatever the shape and the threads.
template <class F>
Array drawn(const Shape& shape, DType dtype, F&& draw) {
  QTK_CHECK(
      !graph::is_tracing(), UnsupportedError,
      "[random] numbers drawn in a forward that is hybridized or exported, expected them as an input, or Dropout: "
      "the graph would keep those of this call for all");
  const Unlocked released;
  const Key key = next_random_key();
  Array out = Array::empty(shape, dtype);
  visit_dtype(dtype, [&](auto zero) {
    using T = decltype(zero);
    T* values = out.mutable_data<T>();
    for (int64_t i = 0; i < out.size(); ++i) values[i] = static_cast<T>(draw(key, static_cast<uint64_t>(i)));
  });
  return out;
}

void check_float(const char* who, DType dtype) {
  QTK_CHECK(is_float(dtype), TypeError, "[{}] dtype, was {}, expected float32 or float64", who, dtype_name(dtype));
}

void bind_random(nb::module_& m) {
  m.def("seed", &seed, "seed"_a);
  m.def(
      "uniform",
      [](double low, double high, const Shape& shape, DType dtype) {
        check_float("uniform", dtype);
        return drawn(shape, dtype, [=](const Key& key, uint64_t i) {
          // Rounding to float32 must not reach the end that is left out.
          const double value = low + (high - low) * key.uniform(i);
          const double rounded = dtype == DType::f32 ? static_cast<double>(static_cast<float>(value)) : value;
          return rounded < high ? rounded : low;
        });
      },
      "low"_a, "high"_a, "shape"_a, "dtype"_a.none());
  m.def(
      "normal",
      [](double mean, double deviation, const Shape& shape, DType dtype) {
        check_float("normal", dtype);
        QTK_CHECK(deviation >= 0, ValueError, "[normal] scale, was {}, expected >= 0", deviation);
        return drawn(shape, dtype, [=](const Key& key, uint64_t i) { return mean + deviation * key.normal(i); });
      },
      "mean"_a, "deviation"_a, "shape"_a, "dtype"_a.none());
  m.def(
      "randint",
      [](int64_t low, int64_t high, const Shape& shape, DType dtype) {
        QTK_CHECK(low < high, ValueError, "[randint] low, was {}, expected below high, which is {}", low, high);
        const auto bound = static_cast<uint64_t>(high) - static_cast<uint64_t>(low);
        return drawn(shape, dtype, [=](const Key& key, uint64_t i) {
          return static_cast<int64_t>(static_cast<uint64_t>(low) + key.below(i, bound));
        });
      },
      "low"_a, "high"_a, "shape"_a, "dtype"_a.none());
}

}  // namespace

void bind_autograd(nb::module_& m) {
  bind_context<autograd::Record>(m, "RecordScope", "Operator calls of this thread are recorded inside.");
  bind_context<autograd::Pause>(m, "PauseScope", "Operator calls of this thread are not recorded inside.");
  bind_context<autograd::TrainingMode>(m, "TrainingModeScope", "Sets is_training() inside.");
  m.def("is_recording", &autograd::is_recording);
  m.def("is_training", &autograd::is_training);
  m.def("backward", &backward, "heads"_a, "head_grads"_a, "retain_graph"_a,
        nb::sig("def backward(heads: typing.Iterable[typing.Any], head_grads: typing.Iterable[typing.Any], "
                "retain_graph: bool) -> None"));
  m.def("gradients", &gradients, "heads"_a, "variables"_a, "head_grads"_a, "retain_graph"_a,
        nb::sig("def gradients(heads: typing.Iterable[typing.Any], variables: typing.Iterable[typing.Any], head_grads: "
                "typing.Iterable[typing.Any], retain_graph: bool) -> list[NDArray]"));
  m.def("record_function", &record_function, "inputs"_a, "outputs"_a, "gradient"_a,
        nb::sig("def record_function(inputs: typing.Iterable[typing.Any], outputs: typing.Iterable[typing.Any], "
                "gradient: typing.Any) -> None"));
  m.def(
      "set_gradient",
      [](Array& variable, nb::handle gradient) {
        variable.attach_grad();
        variable.set_grad(array_of(gradient));
      },
      "variable"_a, "gradient"_a, nb::sig("def set_gradient(variable: typing.Any, gradient: typing.Any) -> None"));
  bind_random(m);
}

}  // namespace quantick::python
