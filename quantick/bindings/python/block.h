#pragma once
// Blocks that Python subclasses, and what every block's Python class has.
#include <nanobind/nanobind.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/trampoline.h>

#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "quantick/autograd/autograd.h"
#include "quantick/bindings/python/nest.h"
#include "quantick/bindings/python/unlocked.h"
#include "quantick/nn/block.h"
#include "quantick/nn/sequential.h"

namespace quantick::python {

/// A forward() in Python: what crosses is flat in C++ and nested in Python.
class PythonForward {
 public:
  virtual ~PythonForward() = default;

  /// Whether the class of `self` writes forward() or hybrid_forward().
  static bool overridden(nanobind::handle self);
  /// Forms of earlier results are kept where graphs may be run in place of forward().
  Arrays call(nanobind::handle self, const Arrays& flat, bool hybridized);
  /// Form of the result of the last call with inputs of these types.
  const Nest& result(const Types& inputs) const;

  /// A call from Python. Calls from C++ know arrays in a row alone.
  struct Caller {
    std::thread::id thread;      ///< C++ may call on another one meanwhile
    Nest arguments;              ///< form of a tuple and a dict
    std::optional<Nest> result;  ///< not set where a graph ran in place of forward()
  };
  std::optional<Caller> caller;
  std::optional<Nest> last_arguments;  ///< of the last call from Python
  std::recursive_mutex calls;          ///< held by the thread of `caller`; taken without Python's lock

 private:
  struct Result {
    Types inputs;
    bool training;
    Nest form;
  };
  std::vector<Result> results_;
};

std::string class_name(nanobind::handle self);
/// Calls infer_shape(self, *inputs), where the class has one, with arrays of zeros.
void call_infer_shape(nanobind::handle self, const nn::Block& block, const Types& inputs);

/// A block, or a container, that Python subclasses.
template <class Base>
class PythonBlock final : public Base, public PythonForward {
 public:
  NB_TRAMPOLINE(Base);

  std::string kind() const override {
    const Locked lock;
    return class_name(nb_trampoline.base());
  }
  Arrays forward(const Arrays& inputs) override {
    {
      const Locked lock;
      if constexpr (std::is_abstract_v<Base>)
        return call(nb_trampoline.base(), inputs, this->hybridized());
      else if (overridden(nb_trampoline.base()))
        return call(nb_trampoline.base(), inputs, this->hybridized());
    }
    if constexpr (!std::is_abstract_v<Base>) return Base::forward(inputs);
  }
  void infer_shapes(const Types& inputs) override {
    const Locked lock;
    call_infer_shape(nb_trampoline.base(), *this, inputs);
  }
};

/// The Python class of blocks that may be traced: layers of C++ derive from it in Python alone.
class HybridBlock : public nn::Block {};

/// Throws TypeError for an object whose class has left out super().__init__().
nn::Block& block_of(nanobind::handle self);
/// Arguments, and the result, of the call of the block that is under way, in the form that Python knows.
nanobind::object inputs_of(const nn::Block& block, const Arrays& flat);
nanobind::object outputs_of(const nn::Block& block, const Arrays& inputs, const Arrays& outputs);

/// block(*arguments, **keywords): flat arrays in, the form of the result out.
nanobind::object call_block(nn::Block& block, const nanobind::args& arguments, const nanobind::kwargs& keywords);
/// forward() where no class of Python writes it: that of C++, or MXNet's hybrid_forward(self, F, x, ..., **parameters).
nanobind::object call_forward(nanobind::handle self, const nanobind::args& arguments, const nanobind::kwargs& keywords);

/// Keeps Gluon's `prefix` as an attribute, where it is given.
void set_prefix(nanobind::handle self, nanobind::handle prefix);
/// Gluon's `params`: parameters of another block, which this one's stand for where they have the same names.
void share_params(nanobind::handle self, nanobind::handle params);

/// Whether hybridize() traces the block: C++ layers, and classes that derive from HybridBlock.
bool is_hybrid(const nn::Block& block);

/// For every class of blocks: lets Python's collector see the children that Python made.
PyType_Slot* block_slots();

/// None, a name ("xavier"), or an Initializer. Throws ValueError with the nearest name, TypeError.
nn::InitializerPtr initializer_of(nanobind::handle value, std::string_view who);

/// The base class, which has a dict and nothing else.
nanobind::object bind_initializers(nanobind::module_& m);
void bind_sequential(nanobind::module_& m);
void bind_layers(nanobind::module_& m);
void bind_hooks(nanobind::module_& m);
/// What Python's collector asks of the hooks of a block that a Python object owns.
int visit_hooks(const nn::Block& block, visitproc visit, void* argument);
void detach_hooks(const nn::Block& block);

}  // namespace quantick::python
