// An event through a set of features: time per event, for best quotes with trades between them.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "quantick/core/rng.h"
#include "quantick/features/ticks/tick_feature_set.h"
#include "quantick/features/ticks/tick_registry.h"

namespace quantick::features {
namespace {

void update_features(benchmark::State& state) {
  std::vector<std::string> names;
  for (const auto& row : tick_feature_registry()) {
    if (!make_tick_feature(row.example)->needs_book()) names.push_back(row.example);
  }
  const int64_t instruments = state.range(0);
  TickFeatureSet set(names, {.instruments = instruments});
  std::vector<float> row(names.size());
  const Key key(3);
  std::vector<market::TickEvent> events(4096);
  for (size_t i = 0; i < events.size(); ++i) {
    const double bid = 100 + static_cast<double>(key.below(2 * i, 20)) / 10;
    events[i].instrument = static_cast<int32_t>(key.below(2 * i + 1, static_cast<uint64_t>(instruments)));
    events[i].has_trade = i % 4 == 0;
    events[i].trade = {bid, 1, i % 8 == 0 ? market::Side::buy : market::Side::sell};
    events[i].has_quote = !events[i].has_trade;
    events[i].quote = {bid, bid + 0.1, 1 + static_cast<double>(i % 7), 1 + static_cast<double>(i % 5)};
  }
  size_t at = 0;
  int64_t time = 1;
  for (auto _ : state) {
    market::TickEvent& event = events[at++ % events.size()];
    event.receipt_time = time += 1'000'000;
    benchmark::DoNotOptimize(set.update(event, row));
  }
  state.counters["features"] = static_cast<double>(names.size());
  state.counters["events_per_second"] =
      benchmark::Counter(static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}
BENCHMARK(update_features)->Arg(1)->Arg(3000);

}  // namespace
}  // namespace quantick::features
