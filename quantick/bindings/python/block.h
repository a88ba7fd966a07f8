#pragma once
// Blocks that Python subclasses, and what every block's Python class has.
#include <nanobind/nanobind.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/trampoline.h>

#include <string>

#include "quantick/bindings/python/nest.h"
#include "quantick/nn/block.h"

namespace quantick::python {

/// A block whose forward() is written in Python.
class PythonBlock final : public nn::Block {
 public:
  NB_TRAMPOLINE(nn::Block, 2);

  std::string kind() const override;
  Arrays forward(const Arrays& inputs) override;

  /// Forms of the arguments of the call under way, and of the last result.
  Nest inputs{Nest::Kind::tuple, {}}, outputs;
};

/// block(*arguments): flat arrays in, the form of the result out.
nanobind::object call_block(nn::Block& block, const nanobind::args& arguments);

}  // namespace quantick::python
