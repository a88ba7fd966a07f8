// Misuse of arrays and blocks. Run by tools/checks/check_compile_fail.py.
#include "quantick/nn/dense.h"
#include "quantick/tensor/array.h"

using namespace quantick;

const float* right_use(const Array& array, nn::Dense dense) {
  const nn::Dense moved = std::move(dense);
  return moved.name().empty() ? array.data<float>() : nullptr;
}

#if CASE == 1
// CASE 1: incomplete type .*DTypeOf<char>
// No dtype is stored as char: which sign?
const char* misuse(const Array& array) { return array.data<char>(); }
#elif CASE == 2
// CASE 2: use of deleted function .*Dense
// Two blocks would share their parameters; save_parameters and load_parameters make a copy.
nn::Dense misuse(const nn::Dense& dense) { return dense; }
#elif CASE == 3
// CASE 3: cannot convert 'const quantick::Array\*'
float* misuse(const Array& array) { return array.mutable_data<float>(); }
#elif CASE == 4
// CASE 4: cannot convert 'const char
// A shape is not a list of values.
Array misuse() { return Array::zeros("2, 3"); }
#elif CASE == 5
// CASE 5: cannot declare variable .* to be of abstract type
struct Half final : nn::Block {
  std::string kind() const override { return "half"; }  // no forward()
};
Half misuse;
#endif
