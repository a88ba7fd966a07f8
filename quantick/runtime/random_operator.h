#pragma once
// One random program per operator with a form in programs, made from the samples of the operator's own row: what the
// equality checks run over. An operator that is added is covered without a line here.
#include <string>
#include <vector>

#include "quantick/ops/operator.h"
#include "quantick/runtime/program.h"

namespace quantick::runtime {

struct RandomOperatorProgram {
  std::string name;  ///< "convolution int8", "gru dynamic", "add float32 to int8"
  Program program;
};

/// The operator in int8 and in int16 and, where it multiplies integers, with dynamic scales, else from float32 to int8;
/// its widest sample that a program can hold, the input's rows random. Empty where the operator has no fixed bits
/// (`stays_float`), only hands on values, or reads what a program's single input cannot give.
std::vector<RandomOperatorProgram> random_operator_programs(const Operator& op, uint64_t seed);

}  // namespace quantick::runtime
