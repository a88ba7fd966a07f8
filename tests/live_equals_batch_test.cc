// The two ways through the house give the same bits: prices -> batch features -> windows -> session, as the backtest
// has it, and bar by bar -> feature stream -> scaler -> stream, as a trading process has it. Names come late, die and
// miss days, as names do.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "quantick/core/rng.h"
#include "quantick/features/feature_set.h"
#include "quantick/features/scaler.h"
#include "quantick/features/window_dataset.h"
#include "quantick/nn/nn.h"
#include "quantick/quant/quantizer.h"
#include "quantick/runtime/session.h"
#include "quantick/runtime/stream.h"
#include "quantick/strategy/registry.h"

namespace quantick {
namespace {

constexpr int64_t kDays = 200, kNames = 6, kWindow = 12;

/// Whether a name has a price: name 1 has two gaps, name 3 is listed late, name 4 dies.
bool listed(int64_t day, int64_t name) {
  if (name == 1) return day != 60 && !(day >= 120 && day < 124);
  if (name == 3) return day >= 45;
  if (name == 4) return day < 110;
  return true;
}

market::Panel random_prices() {
  market::Panel panel;
  const Key key(17);
  for (int64_t n = 0; n < kNames; ++n) panel.instruments.push_back("N" + std::to_string(n));
  std::vector<double> close(kDays * kNames);
  for (int64_t t = 0; t < kDays; ++t) {
    panel.dates.push_back(market::Date::from_ymd(2020, 1, 1).plus(static_cast<int32_t>(t)));
    for (int64_t n = 0; n < kNames; ++n) {
      const auto i = static_cast<size_t>(t * kNames + n);
      const double last = t == 0 ? 50 : close[i - kNames];
      close[i] = last * (1 + 0.02 * key.normal(i));
    }
  }
  for (int64_t t = 0; t < kDays; ++t)
    for (int64_t n = 0; n < kNames; ++n)
      if (!listed(t, n)) close[static_cast<size_t>(t * kNames + n)] = market::kMissing;
  panel.add_field("close", std::move(close));
  panel.price_field = "close";
  return panel;
}

TEST(LiveEqualsBatch, ScoresOfTheTickPathHaveTheBitsOfTheBacktest) {
  const market::Panel panel = random_prices();
  const std::vector<std::string> names{"return(1)", "volatility(10)", "rank(return(5))", "zscore(momentum(20,5))"};
  const features::FeatureSet set(names);
  const std::vector<double> raw = set.compute(panel);
  const auto scaler = features::Scaler::fit(raw, set.names(), kNames, 0, kDays / 2, {.clip = 4});
  const features::WindowDataset windows(panel, scaler.transform(raw), set.size(), {.window = kWindow, .horizon = 2});
  const auto list = windows.predictable(panel.dates.front(), panel.dates.back());
  const auto count = static_cast<int64_t>(list.ids.size());
  Array x = Array::empty({kWindow, count, set.size()});
  windows.gather(list.ids, x.mutable_data<float>(), nullptr);

  nn::Sequential net(nn::LSTM(16, {.num_layers = 2}), nn::SequenceLast(), nn::LayerNorm(), nn::Dense(1));
  net.initialize(nn::xavier(), 5);
  const auto quantized = quant::quantize_net(net, {}, x);
  const auto batch = runtime::Session(quantized.program).run(x).to_vector<float>();

  features::FeatureSetStream features(set, kNames);
  runtime::Stream stream(quantized.program, {.instruments = kNames, .window = kWindow});
  const double* close = panel.field("close").data();
  std::vector<double> values(static_cast<size_t>(kNames * set.size()));
  std::vector<float> scaled(values.size()), scores(kNames);
  std::vector<int64_t> of_name(kNames, 0), rejected(kNames, 0);
  size_t compared = 0;
  for (int64_t t = 0; t < kDays; ++t) {
    const double* const bar[] = {close + t * kNames};
    ASSERT_EQ(set.fields().size(), 1u);
    features.update(bar, values);
    scaler.transform(values, scaled);
    const auto status = stream.step(scaled, scores);
    if (status.code == runtime::Status::Code::not_finite) ++rejected[static_cast<size_t>(status.instrument)];
    // Days and names that the batch leaves out have no score here either.
    for (int64_t n = 0; n < kNames; ++n) {
      const float score = scores[static_cast<size_t>(n)];
      const bool in_batch = compared < batch.size() && list.ids[compared] == t * kNames + n;
      ASSERT_EQ(!std::isnan(score), in_batch) << "day " << t << ", name " << n;
      if (!in_batch) continue;
      EXPECT_EQ(std::memcmp(&score, &batch[compared], sizeof(float)), 0) << "day " << t << ", name " << n;
      ++compared, ++of_name[static_cast<size_t>(n)];
    }
  }
  EXPECT_EQ(compared, batch.size());
  EXPECT_GT(of_name[0], 150);
  for (const size_t n : {1, 3, 4}) {
    EXPECT_GT(rejected[n], 0) << n;
    EXPECT_GT(of_name[n], 50) << n;
    EXPECT_LT(of_name[n], of_name[0]) << n;
  }
}

}  // namespace
}  // namespace quantick
