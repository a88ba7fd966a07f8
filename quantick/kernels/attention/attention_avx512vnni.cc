#include "quantick/kernels/attention/attention_rows.h"

namespace quantick::kernels {

void attend_s16_avx512vnni(const AttentionHead& head, const int16_t* q, const AttentionRun<int16_t>* runs,
                           int run_count, float* p, int32_t* e, float* y) {
  attend_s16_rows(head, q, runs, run_count, p, e, y);
}

void attend_f32_avx512vnni(const AttentionHead& head, const float* q, const AttentionRun<float>* runs, int run_count,
                           float* p, float* y) {
  attend_f32_rows(head, q, runs, run_count, p, y);
}

}  // namespace quantick::kernels
