#include "quantick/kernels/activation/pieces_avx2.h"
#include "quantick/kernels/lstm_cell_f32/lstm_cell_f32_rows.h"

namespace quantick::kernels {
namespace {

struct Vector {
  static constexpr int64_t kLanes = 8;
  __m256 v;
  [[gnu::always_inline]] static __m256i mask(int64_t count) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  [[gnu::always_inline]] static Vector load(const float* p, int64_t count) {
    return {count == kLanes ? _mm256_loadu_ps(p) : _mm256_maskload_ps(p, mask(count))};
  }
  [[gnu::always_inline]] static void store(float* p, Vector x, int64_t count) {
    if (count == kLanes)
      _mm256_storeu_ps(p, x.v);
    else
      _mm256_maskstore_ps(p, mask(count), x.v);
  }
  [[gnu::always_inline]] static Vector broadcast(float x) { return {_mm256_set1_ps(x)}; }
  [[gnu::always_inline]] static Vector sigmoid(Vector x) { return {sigmoid_avx2(x.v)}; }
  [[gnu::always_inline]] static Vector tanh(Vector x) { return {tanh_avx2(x.v)}; }
  [[gnu::always_inline]] friend Vector operator+(Vector a, Vector b) { return {_mm256_add_ps(a.v, b.v)}; }
  [[gnu::always_inline]] friend Vector operator-(Vector a, Vector b) { return {_mm256_sub_ps(a.v, b.v)}; }
  [[gnu::always_inline]] friend Vector operator*(Vector a, Vector b) { return {_mm256_mul_ps(a.v, b.v)}; }
};

}  // namespace

void lstm_cell_forward_avx2(const LstmCellForward& call) { lstm_cell_forward_rows<Vector>(call); }
void lstm_cell_backward_avx2(const LstmCellBackward& call) { lstm_cell_backward_rows<Vector>(call); }

}  // namespace quantick::kernels
