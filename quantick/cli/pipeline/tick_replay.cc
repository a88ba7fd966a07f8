#include "quantick/cli/pipeline/tick_replay.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>

#include "quantick/core/error.h"
#include "quantick/core/interrupt.h"
#include "quantick/runtime/stream.h"

namespace quantick::cli {
namespace {

using Clock = std::chrono::steady_clock;

double between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double, std::nano>(to - from).count();
}

/// Median of many pairs of looks.
double cost_of_clock() {
  std::vector<double> costs(1001);
  for (double& cost : costs) {
    const auto from = Clock::now();
    cost = between(from, Clock::now());
  }
  std::nth_element(costs.begin(), costs.begin() + 500, costs.end());
  return costs[500];
}

bool same_bits(const float* a, const float* b, int64_t n) {
  return std::memcmp(a, b, static_cast<size_t>(n) * sizeof(float)) == 0;
}

}  // namespace

TickReplay replay_ticks(const ReplayConfig& config, const TickData& before, const TickData& data,
                        const features::Scaler& scaler, const runtime::Program& program, std::span<const float> batch) {
  constexpr int64_t kEventsBetweenLooks = 4096;  // at Ctrl-C
  const auto events = data.tape.events();
  const auto width = static_cast<size_t>(data.width());
  features::TickFeatureSet features(config.features.list, feature_options(config));
  runtime::Stream stream(program, {.instruments = 1, .window = config.model.carried ? 0 : config.model.window});
  QTK_ASSERT(stream.columns() == data.width() && stream.output_width() == 1);

  TickReplay out;
  const auto rows = static_cast<size_t>(data.rows());
  for (auto* times : {&out.features_ns, &out.model_ns, &out.total_ns, &out.prepare_ns}) times->resize(rows);
  out.signals.resize(rows);
  out.steps.resize(events.size());
  std::vector<float> x(rows * width), row(width);
  out.timer_ns = cost_of_clock();
  stream.warm_up();
  stream.prepare(0);

  size_t next = 0;  // row
  int64_t session = 0;
  for (const market::TickEvent& event : before.tape.events()) session = features.update(event, row).session;
  bool fresh = true;
  float signal = 0;
  const auto start = Clock::now();
  for (size_t i = 0; i < events.size(); ++i) {
    if (i % kEventsBetweenLooks == 0) check_interrupt();
    const auto received = Clock::now();
    const features::TickPoint point = features.update(events[i], row);
    if ((point.tick && !point.complete) || point.session != session) {
      if (!fresh) stream.reset(0), ++out.restarts;
      session = point.session;
      fresh = true;
    }
    backtest::TickStep& step = out.steps[i];
    step.time = events[i].time();
    step.signal = std::numeric_limits<double>::quiet_NaN();
    out.refused += !point.accepted;
    const features::TickState& state = features.state(0);
    if (state.quoted) step.quote = state.quote;
    if (!point.tick || !point.complete) continue;
    QTK_CHECK(next < rows, ValueError, "[replay] event {}: a tick that the batch does not have", i);
    for (size_t f = 0; f < width; ++f) row[f] = scaler.apply(row[f], static_cast<int64_t>(f));
    const auto seen = Clock::now();
    stream.step(0, row, {&signal, 1});
    const auto decided = Clock::now();
    stream.prepare(0);
    const auto prepared = Clock::now();
    fresh = false;
    step.signal = signal;
    out.signals[next] = signal;
    std::copy(row.begin(), row.end(), x.begin() + static_cast<int64_t>(next * width));
    out.features_ns[next] = between(received, seen);
    out.model_ns[next] = between(seen, decided);
    out.total_ns[next] = between(received, decided);
    out.prepare_ns[next] = between(decided, prepared);
    ++next;
  }
  out.seconds = between(start, Clock::now()) * 1e-9;
  QTK_CHECK(next == rows, ValueError, "[replay] {} ticks, the batch has {}", next, rows);
  for (size_t r = 0; r < rows; ++r) {
    out.different_rows += !same_bits(&x[r * width], &data.x[r * width], data.width());
    // Windows that are not full are NaN on both sides, of whatever payload.
    const bool none = std::isnan(out.signals[r]) && std::isnan(batch[r]);
    out.different_signals += !none && !same_bits(&out.signals[r], &batch[r], 1);
  }
  return out;
}

}  // namespace quantick::cli
