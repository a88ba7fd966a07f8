#pragma once
// What an integer tensor means: value = (q - zero_point) * scale.
#include <string>

#include "quantick/tensor/array.h"

namespace quantick {

/// How one tensor of a fixed-bits program is stored. dtype f32 means that the tensor stays in float32 (scale 1).
struct TensorFormat {
  DType dtype = DType::f32;  ///< i8, i16 or f32
  float scale = 1.0f;
  int32_t zero_point = 0;
  bool quantized() const { return dtype != DType::f32; }
  int bits() const { return static_cast<int>(dtype_size(dtype)) * 8; }
  friend bool operator==(const TensorFormat&, const TensorFormat&) = default;
};

/// The format of an LSTM's or GRU's hidden state: int16 with scale 2^-15 (docs/numerics.md, section 1).
constexpr TensorFormat kQ15{DType::i16, 0x1p-15f, 0};

}  // namespace quantick
