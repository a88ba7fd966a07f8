#include "bench/savings.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "bench/clock.h"
#include "bench/own.h"
#include "bench/sampler.h"
#include "quantick/core/error.h"
#include "quantick/core/thread_pool.h"

namespace quantick::bench {
namespace {

constexpr double kSweepWindows = 261'000;  // of 20 steps: one model scored over a history
constexpr int64_t kWindows = 2048;         // scored in one measured run
constexpr int64_t kInstruments = 3000;
constexpr double kTicksPerSecond = 10;  // of each instrument
constexpr int kRounds = 7;
constexpr int64_t kTicks = 2000;  // of a round

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return percentile(values, 0.5);
}

struct Candidate {
  std::string contender;
  runtime::Session session;
  runtime::Stream stream;
  std::vector<double> scoring, ticks, events;  ///< seconds of a run; ns of a tick, and of its part after the features
};

/// One tick of each instrument in a random order, as they come from a market: its state has left the near caches.
void measure_ticks(Candidate& c, const Workload& w, uint64_t round) {
  std::vector<float> out(static_cast<size_t>(w.spec.outputs));
  std::vector<double> whole, event;
  const Key key = Key(8).fold(round);
  const auto columns = static_cast<size_t>(w.spec.columns);
  for (int64_t i = 0; i < kTicks; ++i) {
    const auto instrument = static_cast<int64_t>(key.below(static_cast<uint64_t>(i), kInstruments));
    const std::span<const float> x{w.x.data() + i % w.steps() * w.step_size(), columns};
    const uint64_t start = ticks_before();
    c.stream.prepare(instrument);
    const uint64_t tick = ticks_before();
    const bool ok = c.stream.step(instrument, x, out).ok();
    const uint64_t end = ticks_after();
    QTK_ASSERT(ok);
    whole.push_back(tick_scale().ns(start, end));
    event.push_back(tick_scale().ns(tick, end));
  }
  // The mean, since cores are busy with the slow ticks too; but not with what else the machine does.
  std::sort(whole.begin(), whole.end());
  const auto kept = whole.begin() + static_cast<std::ptrdiff_t>(whole.size() * 99 / 100);
  double sum = 0;
  for (auto at = whole.begin(); at != kept; ++at) sum += *at;
  c.ticks.push_back(sum / static_cast<double>(kept - whole.begin()));
  c.events.push_back(median(event));
}

}  // namespace

nlohmann::json measure_savings() {
  nlohmann::json rows = nlohmann::json::array();
  for (const char* name : {"lstm_2x64", "lstm_2x128", "lstm_3x256"}) {
    Workload w = make_workload(workload_spec(name));
    const Array windows = random_walks(w.spec, kWindows, Key(7));
    std::vector<Candidate> candidates;
    for (const char* contender : {"int8", "f32"}) {
      const OwnProgram own = own_program(w, contender);
      candidates.push_back(
          {contender, runtime::Session(own.program), runtime::Stream(own.program, {.instruments = kInstruments})});
    }
    const int threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
    for (int round = 0; round < kRounds; ++round)
      for (Candidate& c : candidates) {
        set_thread_count(threads);
        const auto start = std::chrono::steady_clock::now();
        (void)c.session.run(windows);
        c.scoring.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
        set_thread_count(1);
        measure_ticks(c, w, static_cast<uint64_t>(round));
      }
    for (const Candidate& c : candidates) {
      const double per_second = static_cast<double>(kWindows) / median(c.scoring);
      rows.push_back({{"workload", name},
                      {"contender", c.contender},
                      {"threads", threads},
                      {"windows_per_second", per_second},
                      {"sweeps_per_hour", 3600 * per_second / kSweepWindows},
                      {"tick_ns", median(c.ticks)},
                      {"event_ns", median(c.events)},
                      {"cores", median(c.ticks) * 1e-9 * kInstruments * kTicksPerSecond}});
    }
  }
  return rows;
}

}  // namespace quantick::bench
