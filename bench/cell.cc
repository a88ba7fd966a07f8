#include "bench/cell.h"

#include <vector>

#include "quantick/kernels/bench_floor.h"
#include "quantick/kernels/lstm/lstm.h"

namespace quantick::bench {

double lstm_cell_ns(int64_t units) {
  constexpr int64_t kInputs = 1;  // finish() multiplies the inputs alone; prepare() has done the rest
  const auto rows = static_cast<size_t>(4 * units);
  const std::vector<int8_t> wx(rows * kInputs, 3), wh(rows * static_cast<size_t>(units), 1);
  const std::vector<int64_t> bias(rows, 100);
  const std::vector<float> scale(rows, 1e-4f);
  const kernels::LstmKernel kernel({.inputs = kInputs,
                                    .units = units,
                                    .x_bits = 16,
                                    .wx = wx.data(),
                                    .wh = wh.data(),
                                    .bx = bias.data(),
                                    .sx = scale.data(),
                                    .sh = scale.data()});
  const std::vector<int16_t> x(kInputs, 200);
  std::vector<int16_t> h(static_cast<size_t>(units));
  std::vector<float> c(static_cast<size_t>(units)), ph(static_cast<size_t>(kernel.row_floats()));
  std::vector<char> scratch(static_cast<size_t>(kernel.scratch_bytes()));
  kernel.prepare(h.data(), 1, ph.data(), scratch.data());
  return 1e9 *
         kernels::median_seconds([&] { kernel.finish(x.data(), h.data(), c.data(), 1, ph.data(), scratch.data()); });
}

}  // namespace quantick::bench
