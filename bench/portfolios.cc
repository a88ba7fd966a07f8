#include <algorithm>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <thread>

#include "bench/sampler.h"
#include "bench/savings.h"
#include "quantick/backtest/sweep.h"
#include "quantick/core/rng.h"
#include "quantick/core/thread_pool.h"

namespace quantick::bench {
namespace {

constexpr int kInstruments = 253, kBars = 252;  // a broad index, one year of days
constexpr int kRounds = 5;

backtest::Prices walks() {
  backtest::Prices prices;
  for (int i = 0; i < kInstruments; ++i) prices.instruments.push_back("N" + std::to_string(1000 + i));
  std::vector<double> last(kInstruments, 40);
  for (int32_t t = 0; t < kBars; ++t) {
    prices.dates.push_back({18000 + t});
    for (int i = 0; i < kInstruments; ++i) {
      const auto at = static_cast<uint64_t>(t * kInstruments + i);
      const double open = last[static_cast<size_t>(i)] * std::exp(0.01 * Key(1).normal(at));
      last[static_cast<size_t>(i)] = open * std::exp(0.015 * Key(2).normal(at));
      prices.open.push_back(open);
      prices.close.push_back(last[static_cast<size_t>(i)]);
      prices.volume.push_back(1e6 * (0.5 + Key(3).uniform(at)));
    }
  }
  return prices;
}

std::vector<backtest::SweepSetting> settings() {
  std::vector<backtest::SweepSetting> all;
  for (const double bps : {1.0, 5.0, 10.0, 20.0})
    for (const double k : {5.0, 10.0, 20.0, 40.0}) {
      const backtest::BacktestOptions costs{.commission_bps = bps};
      all.push_back({strategy::LongShortOptions{.k = k}, costs});
      all.push_back({strategy::TopkDropoutOptions{.k = k, .n_drop = 2}, costs});
    }
  return all;
}

}  // namespace

nlohmann::json measure_portfolios() {
  const backtest::Prices prices = walks();
  strategy::ScoreMatrix scores{prices.dates, prices.instruments, {}};
  for (uint64_t i = 0; i < kInstruments * kBars; ++i) scores.values.push_back(Key(4).normal(i));
  const backtest::BacktestInputs inputs(prices, scores);
  const std::vector<backtest::SweepSetting> all = settings();
  const int threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  set_thread_count(threads);
  std::vector<double> seconds;
  for (int round = 0; round < kRounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    (void)backtest::run_sweep(inputs, all);
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  set_thread_count(1);
  std::sort(seconds.begin(), seconds.end());
  return {{"instruments", kInstruments},
          {"bars", kBars},
          {"settings", all.size()},
          {"threads", threads},
          {"sweeps_per_hour", 3600 * static_cast<double>(all.size()) / percentile(seconds, 0.5)}};
}

}  // namespace quantick::bench
