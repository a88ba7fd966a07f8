#include "quantick/ops/precision.h"

#include <cmath>

#include "quantick/core/error.h"

namespace quantick {
namespace {

// Of a weight; sums with it stay far from overflow.
constexpr int64_t kMostColumns = int64_t{1} << 32;

void check_one_of(std::string_view who, std::string_view key, const std::string& value,
                  std::initializer_list<std::string_view> known) {
  std::string list;
  for (const std::string_view k : known) {
    if (value == k) return;
    list += (list.empty() ? "" : ", ") + std::string(k);
  }
  fail<ValueError>("[{}] {}, was \"{}\", expected {}", who, key, value, list);
}

void check_bits(std::string_view who, std::string_view key, int64_t bits, int64_t most) {
  QTK_CHECK(bits >= 2 && bits <= most, ValueError, "[{}] {}, was {}, expected 2..{}", who, key, bits, most);
}

}  // namespace

int integer_bits(std::string_view dtype) {
  for (int bits = 2; bits <= 16; ++bits)
    if (dtype == fmt::format("int{}", bits)) return bits;
  return 0;
}

int Precision::weight_bits() const {
  const int bits = integer_bits(weight_dtype);
  QTK_CHECK(bits > 0, ValueError, "[precision] weight_dtype, was \"{}\", expected int2 .. int16", weight_dtype);
  return bits;
}

void Precision::validate(std::string_view who) const {
  check_one_of(who, "method", method, {"static", "dynamic", "dynamic_decay", "weight_only", "float32"});
  check_one_of(who, "granularity", granularity, {"tensor-wise", "channel-wise", "group-wise"});
  const bool real_weight = weight_dtype == "bf16" || weight_dtype == "fp16" || weight_dtype == "float32";
  QTK_CHECK(method == "float32" ? real_weight || integer_bits(weight_dtype) > 0 : integer_bits(weight_dtype) > 0,
            ValueError, "[{}] weight_dtype, was \"{}\", expected int2 .. int16{}", who, weight_dtype,
            method == "float32" ? ", bf16, fp16 or float32" : "; bf16, fp16 and float32 go with method float32");
  QTK_CHECK(group_size >= 1 && group_size <= kMostColumns, ValueError, "[{}] group_size, was {}, expected 1..{}", who,
            group_size, kMostColumns);
  for (const int64_t bits : gate_weight_bits) check_bits(who, "gate_weight_bits", bits, 16);
  for (const int64_t bits : gate_bits) check_bits(who, "gate_bits", bits, 24);
  check_bits(who, "state_bits", state_bits, 24);
  int exponent = 0;
  QTK_CHECK(state_top > 0 && std::frexp(state_top, &exponent) == 0.5, ValueError,
            "[{}] state_top, was {}, expected a power of two", who, state_top);
  QTK_CHECK(hidden_bits == 8 || hidden_bits == 16, ValueError, "[{}] hidden_bits, was {}, expected 8 or 16", who,
            hidden_bits);
  QTK_CHECK(decay > 0 && decay < 1, ValueError, "[{}] decay, was {}, expected between 0 and 1", who, decay);
}

}  // namespace quantick
