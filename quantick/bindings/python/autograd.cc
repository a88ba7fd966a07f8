#include "quantick/autograd/autograd.h"

#include <nanobind/stl/optional.h>

#include <memory>

#include "quantick/bindings/python/casters.h"
#include "quantick/bindings/python/module.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace quantick::python {
namespace {

/// A C++ scope as a Python context manager; entered again, it is a new scope.
template <class Scope, class... Arguments>
class Context {
 public:
  explicit Context(Arguments... arguments) : arguments_(arguments...) {}
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  void enter() {
    scopes_.push_back(std::apply([](auto... a) { return std::make_unique<Scope>(a...); }, arguments_));
  }
  void exit() { scopes_.pop_back(); }

 private:
  std::tuple<Arguments...> arguments_;
  std::vector<std::unique_ptr<Scope>> scopes_;
};

using RecordContext = Context<autograd::Record, bool>;
using PauseContext = Context<autograd::Pause>;

template <class C>
nb::class_<C> bind_context(nb::module_& m, const char* name) {
  return nb::class_<C>(m, name)
      .def(
          "__enter__",
          [](C& self) -> C& {
            self.enter();
            return self;
          },
          nb::rv_policy::reference)
      .def("__exit__", [](C& self, nb::args) { self.exit(); });
}

}  // namespace

void bind_autograd(nb::module_& m) {
  bind_context<RecordContext>(m, "RecordScope").def(nb::init<bool>(), "train_mode"_a = true);
  bind_context<PauseContext>(m, "PauseScope").def(nb::init<>());
  m.def("is_recording", &autograd::is_recording);
  m.def("is_training", &autograd::is_training);
  m.def(
      "backward",
      [](const Array& head, const std::optional<Array>& head_gradient) {
        const nb::gil_scoped_release released;
        autograd::backward(head, head_gradient.value_or(Array()));
      },
      "head"_a, "head_gradient"_a = nb::none());
}

}  // namespace quantick::python
