#include "quantick/kernels/attention/attention.h"

#include "quantick/kernels/dispatch.h"

namespace quantick::kernels {
namespace {

using IntegerKernel = void (*)(const AttentionHead&, const int16_t*, const AttentionRun<int16_t>*, int, float*,
                               int32_t*, float*);
using FloatKernel = void (*)(const AttentionHead&, const float*, const AttentionRun<float>*, int, float*, float*);
constexpr KernelList<IntegerKernel> kInteger{attend_s16_scalar, attend_s16_avx2, attend_s16_avx512vnni};
constexpr KernelList<FloatKernel> kFloat{attend_f32_scalar, attend_f32_avx2, attend_f32_avx512vnni};

}  // namespace

void attend_s16(const AttentionHead& head, const int16_t* q, const AttentionRun<int16_t>* runs, int run_count, float* p,
                int32_t* e, float* y, Isa isa) noexcept {
  kInteger[isa](head, q, runs, run_count, p, e, y);
}

void attend_f32(const AttentionHead& head, const float* q, const AttentionRun<float>* runs, int run_count, float* p,
                float* y, Isa isa) noexcept {
  kFloat[isa](head, q, runs, run_count, p, y);
}

}  // namespace quantick::kernels
