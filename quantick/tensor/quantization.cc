#include "quantick/tensor/quantization.h"

#include "quantick/core/error.h"

namespace quantick {

std::string TensorFormat::name() const {
  if (quantized()) return fmt::format("int{}", width());
  if (grid == FloatGrid::bf16) return "bf16";
  return grid == FloatGrid::fp16 ? "fp16" : "float32";
}

}  // namespace quantick
