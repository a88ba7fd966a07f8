#include "quantick/bindings/python/block.h"

#include <nanobind/stl/optional.h>

#include "quantick/bindings/python/casters.h"
#include "quantick/bindings/python/module.h"
#include "quantick/core/error.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace quantick::python {
namespace {

/// Parameters in the order of collect_params(), by path.
nb::dict params_of(const nn::Block& block) {
  nb::dict out;
  for (const auto& [name, parameter] : block.collect_params()) out[name.c_str()] = parameter;
  return out;
}

/// Blocks and parameters that are set as attributes become the block's own, under the attribute's name.
void set_attribute(nb::handle self, nb::handle name, nb::handle value) {
  if (nb::isinstance<nn::Block>(value))
    nb::cast<nn::Block&>(self).add_shared_child(nb::cast<std::string>(name),
                                                nb::cast<std::shared_ptr<nn::Block>>(value));
  else if (nb::isinstance<nn::Parameter>(value))
    nb::cast<nn::Block&>(self).add_parameter(nb::cast<std::string>(name), nb::cast<nn::Parameter>(value));
  if (PyObject_GenericSetAttr(self.ptr(), name.ptr(), value.ptr()) != 0) throw nb::python_error();
}

void bind_parameter(nb::module_& m) {
  nb::class_<nn::Parameter>(m, "Parameter", "A trainable array with a name. Extents of 0 wait for the first call.")
      .def(
          "__init__",
          [](nn::Parameter* self, const std::string& name, const Shape& shape, const nn::InitializerPtr& init,
             DType dtype) { new (self) nn::Parameter(name, shape, init, dtype); },
          "name"_a, "shape"_a, "init"_a = nb::none(), "dtype"_a = "float32")
      .def_prop_ro("name", &nn::Parameter::name)
      .def_prop_ro("shape", &nn::Parameter::shape)
      .def("data", &nn::Parameter::data, "The array. Throws ValueError before initialize() or the first call.")
      .def("grad", &nn::Parameter::grad)
      .def("zero_grad", &nn::Parameter::zero_grad)
      .def(
          "set_data", [](nn::Parameter& self, nb::handle value) { self.set_data(array_of(value)); }, "value"_a);
}

}  // namespace

std::string PythonBlock::kind() const {
  const nb::gil_scoped_acquire lock;
  return nb::cast<std::string>(nb_trampoline.base().type().attr("__name__"));
}

Arrays PythonBlock::forward(const Arrays& flat) {
  const nb::gil_scoped_acquire lock;
  size_t next = 0;
  const nb::object arguments = unflatten(inputs, flat, next);
  const nb::object self = nb::borrow(nb_trampoline.base());
  const nb::object result = self.attr("forward")(*arguments);
  Arrays out;
  outputs = flatten(result, kind() + ".forward", out);
  return out;
}

nb::object call_block(nn::Block& block, const nb::args& arguments) {
  Arrays flat;
  const Nest form = flatten(arguments, block.kind(), flat);
  auto* const own = dynamic_cast<PythonBlock*>(&block);
  if (own != nullptr) own->inputs = form;
  Arrays out;
  {
    const nb::gil_scoped_release released;
    out = block(flat);
  }
  size_t next = 0;
  if (own != nullptr) return unflatten(own->outputs, out, next);
  if (out.size() == 1) return nb::cast(out[0]);
  // Gluon's form of recurrent layers: the sequence, and a list of states.
  const Nest states{Nest::Kind::list, std::vector<Nest>(out.size() - 1)};
  return unflatten({Nest::Kind::tuple, {{}, states}}, out, next);
}

void bind_nn(nb::module_& m) {
  nb::class_<nn::Initializer>(m, "Initializer");
  bind_parameter(m);
  nb::class_<nn::Block, PythonBlock>(m, "Block", nb::dynamic_attr(), nb::is_weak_referenceable(),
                                     "A layer or a network; subclasses write forward(self, x, ...).")
      .def(nb::init<>())
      .def("__call__", &call_block)
      .def("__setattr__", &set_attribute, "name"_a, "value"_a)
      .def_prop_ro("name", &nn::Block::name)
      .def("collect_params", &params_of, "Parameters of this block and of all in it, by path.")
      .def(
          "initialize",
          [](nn::Block& self, const nn::InitializerPtr& init, uint64_t seed, bool force_reinit) {
            self.initialize(init != nullptr ? init : nn::uniform(), seed, force_reinit);
          },
          "init"_a = nb::none(), "seed"_a = 0, "force_reinit"_a = false)
      .def("hybridize", &nn::Block::hybridize, "active"_a = true)
      .def("save_parameters", &nn::Block::save_parameters, "filename"_a)
      .def("load_parameters", &nn::Block::load_parameters, "filename"_a);
}

}  // namespace quantick::python
