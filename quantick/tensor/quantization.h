#pragma once
// What an integer tensor means: value = (q - zero_point) * scale.
#include <string>

#include "quantick/tensor/array.h"

namespace quantick {

/// Which float32 values a tensor may hold that is not quantized: all, or those of a narrower float (stored as float32,
/// rounded to nearest even).
enum class FloatGrid : uint8_t { f32, bf16, fp16 };

/// How one tensor of a fixed-bits program is stored. dtype f32 means that the tensor stays in float32 (scale 1).
struct TensorFormat {
  DType dtype = DType::f32;  ///< i8, i16 or f32
  float scale = 1.0f;
  int32_t zero_point = 0;
  int32_t narrow_bits = 0;          ///< codes are those of so many bits, 2 .. bits() - 1; 0: all of bits()
  FloatGrid grid = FloatGrid::f32;  ///< of float32 tensors
  bool quantized() const { return dtype != DType::f32; }
  /// Bits of storage: what kernels saturate to. The plan clamps to a narrower width and rounds to a narrower grid after
  /// a node has run; nodes need not know of either.
  int bits() const { return static_cast<int>(dtype_size(dtype)) * 8; }
  int width() const { return narrow_bits > 0 ? narrow_bits : bits(); }
  /// "int8", "int6", "float32", "bf16", "fp16".
  std::string name() const;
  friend bool operator==(const TensorFormat&, const TensorFormat&) = default;
};

/// The format of an LSTM's or GRU's hidden state: int16 with scale 2^-15 (docs/numerics.md, section 1).
constexpr TensorFormat kQ15{DType::i16, 0x1p-15f, 0};

}  // namespace quantick
