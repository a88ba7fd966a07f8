#pragma once
// The structure of a program as JSON text; constants are named, not included. Strict in reading: unknown or missing
// keys, wrong types, numbers out of range and duplicate keys are FormatErrors.
#include <functional>
#include <string>
#include <string_view>

#include "quantick/runtime/program.h"

namespace quantick::runtime {

/// Name of a constant in the model file: "3.weight" is the constant `weight` of node 3.
std::string constant_tensor_name(size_t node, std::string_view constant);

std::string program_to_json(const Program& program);

/// `constant(name)` supplies the data of a constant by its name in the file.
Program program_from_json(std::string_view text, const std::function<Array(const std::string&)>& constant);

}  // namespace quantick::runtime
