#pragma once
// The rows of the operators by name: add_operator(), lstm_operator(), ...
#include "quantick/ops/operator.h"

namespace quantick {

#define QTK_OP(name, ...) const Operator& name##_operator();
#include "quantick/ops/list.inc"
#undef QTK_OP

}  // namespace quantick
