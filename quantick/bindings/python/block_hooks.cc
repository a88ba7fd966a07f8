// Functions of Python that see the calls of a block.
#include <nanobind/stl/shared_ptr.h>

#include <atomic>

#include "quantick/bindings/python/block.h"
#include "quantick/core/error.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace quantick::python {
namespace {

class PythonHook final : public nn::CallHook {
 public:
  /// `holder` is the Python object of a block that C++ made: it would be gone by the next call.
  PythonHook(nb::object function, nb::object holder, bool pre)
      : function_(std::move(function)), holder_(std::move(holder)), pre_(pre) {}
  ~PythonHook() override {
    const Locked lock;
    detach();
  }
  PythonHook(const PythonHook&) = delete;
  PythonHook& operator=(const PythonHook&) = delete;

  bool active() const override { return active_; }
  void before(nn::Block& block, const Arrays& inputs) override {
    if (!pre_) return;
    const Locked lock;
    call(nb::find(block), inputs_of(block, inputs));
  }
  void after(nn::Block& block, const Arrays& inputs, const Arrays& outputs) override {
    if (pre_) return;
    const Locked lock;
    call(nb::find(block), inputs_of(block, inputs), outputs_of(block, inputs, outputs));
  }
  void detach() {
    active_ = false;
    // Their end may run code that comes back here.
    const nb::object function = std::move(function_), holder = std::move(holder_);
  }
  int visit(visitproc visit, void* argument) const {
    const int stopped = function_.is_valid() ? visit(function_.ptr(), argument) : 0;
    return stopped != 0 || !holder_.is_valid() ? stopped : visit(holder_.ptr(), argument);
  }

 private:
  template <class... Arguments>
  void call(const Arguments&... arguments) const {
    const nb::object function = function_;  // which may detach itself
    if (active_) function(arguments...);
  }

  nb::object function_, holder_;
  std::atomic<bool> active_ = true;
  const bool pre_;
};

std::shared_ptr<PythonHook> register_hook(nb::handle self, nb::object function, bool pre) {
  auto& block = block_of(self);
  QTK_CHECK(PyCallable_Check(function.ptr()) != 0, TypeError, "[{}] hook, was a {}, expected a function", block.kind(),
            nb::cast<std::string>(nb::inst_name(function)));
  const bool owned = nb::inst_state(self).second;
  auto hook = std::make_shared<PythonHook>(std::move(function), owned ? nb::object() : nb::borrow(self), pre);
  {
    const Unlocked released;
    block.add_hook(hook);
  }
  return hook;
}

template <class F>
int for_hooks(const nn::Block& block, F&& f) {
  for (const auto& hook : block.hooks())
    if (auto* const own = dynamic_cast<PythonHook*>(hook.get()); own != nullptr)
      if (const int result = f(*own); result != 0) return result;
  return 0;
}

}  // namespace

int visit_hooks(const nn::Block& block, visitproc visit, void* argument) {
  return for_hooks(block, [&](const PythonHook& hook) { return hook.visit(visit, argument); });
}

void detach_hooks(const nn::Block& block) {
  for_hooks(block, [](PythonHook& hook) {
    hook.detach();
    return 0;
  });
}

void bind_hooks(nb::module_& m) {
  nb::class_<PythonHook>(m, "HookHandle", "What register_forward_hook() gives; a scope that ends the hook at its end.")
      .def("detach", &PythonHook::detach, "Ends the hook.")
      .def(
          "__enter__", [](nb::handle self) { return nb::borrow(self); }, nb::sig("def __enter__(self) -> HookHandle"))
      .def(
          "__exit__", [](PythonHook& self, const nb::args&) { self.detach(); },
          nb::sig("def __exit__(self, *exception: object) -> None"));
  nb::borrow<nb::class_<nn::Block>>(nb::type<nn::Block>())
      .def(
          "register_forward_hook",
          [](nb::handle self, nb::object hook) { return register_hook(self, std::move(hook), false); }, "hook"_a,
          nb::sig("def register_forward_hook(self, hook: collections.abc.Callable[[Block, tuple[typing.Any, ...], "
                  "typing.Any], typing.Any]) -> HookHandle"),
          "Calls hook(block, inputs, output) after each call of this block, inputs a tuple, until detach() of the "
          "handle. What it returns is not used. Networks with hooks in them run operator by operator, hybridized or "
          "not: same bits.")
      .def(
          "register_forward_pre_hook",
          [](nb::handle self, nb::object hook) { return register_hook(self, std::move(hook), true); }, "hook"_a,
          nb::sig("def register_forward_pre_hook(self, hook: collections.abc.Callable[[Block, tuple[typing.Any, ...]], "
                  "typing.Any]) -> HookHandle"),
          "Calls hook(block, inputs) before each call of this block.");
}

}  // namespace quantick::python
