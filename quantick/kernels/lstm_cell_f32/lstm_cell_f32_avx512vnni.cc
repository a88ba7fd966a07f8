#include "quantick/kernels/activation/pieces_avx512vnni.h"
#include "quantick/kernels/lstm_cell_f32/lstm_cell_f32_rows.h"

namespace quantick::kernels {
namespace {

struct Vector {
  static constexpr int64_t kLanes = 16;
  __m512 v;
  [[gnu::always_inline]] static __mmask16 mask(int64_t count) {
    return static_cast<__mmask16>((uint32_t{1} << count) - 1);
  }
  [[gnu::always_inline]] static Vector load(const float* p, int64_t count) {
    return {count == kLanes ? _mm512_loadu_ps(p) : _mm512_maskz_loadu_ps(mask(count), p)};
  }
  [[gnu::always_inline]] static void store(float* p, Vector x, int64_t count) {
    if (count == kLanes)
      _mm512_storeu_ps(p, x.v);
    else
      _mm512_mask_storeu_ps(p, mask(count), x.v);
  }
  [[gnu::always_inline]] static Vector broadcast(float x) { return {_mm512_set1_ps(x)}; }
  [[gnu::always_inline]] static Vector sigmoid(Vector x) { return {sigmoid_avx512(x.v)}; }
  [[gnu::always_inline]] static Vector tanh(Vector x) { return {tanh_avx512(x.v)}; }
  [[gnu::always_inline]] friend Vector operator+(Vector a, Vector b) { return {_mm512_add_ps(a.v, b.v)}; }
  [[gnu::always_inline]] friend Vector operator-(Vector a, Vector b) { return {_mm512_sub_ps(a.v, b.v)}; }
  [[gnu::always_inline]] friend Vector operator*(Vector a, Vector b) { return {_mm512_mul_ps(a.v, b.v)}; }
};

}  // namespace

void lstm_cell_forward_avx512vnni(const LstmCellForward& call) { lstm_cell_forward_rows<Vector>(call); }
void lstm_cell_backward_avx512vnni(const LstmCellBackward& call) { lstm_cell_backward_rows<Vector>(call); }

}  // namespace quantick::kernels
