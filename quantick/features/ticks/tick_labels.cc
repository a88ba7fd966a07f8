#include "quantick/features/ticks/tick_labels.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "quantick/core/error.h"

namespace quantick::features {
namespace {

/// The ticks of one instrument between two breaks of trading.
struct Session {
  std::vector<int64_t> ticks;  // positions
  int64_t end = 0;             // time of the last event, tick or not
};

/// Position within `session.ticks` of the tick whose mid is the label's; ticks.size() where there is none.
size_t target_of(const Session& session, std::span<const TickPoint> points, size_t at, size_t ticks, int64_t nanos) {
  if (ticks > 0) return std::min(at + ticks, session.ticks.size());
  const int64_t horizon = points[session.ticks[at]].time + nanos;
  if (horizon > session.end) return session.ticks.size();
  const auto later = std::upper_bound(session.ticks.begin() + static_cast<int64_t>(at), session.ticks.end(), horizon,
                                      [&](int64_t time, int64_t tick) { return time < points[tick].time; });
  return static_cast<size_t>(later - session.ticks.begin()) - 1;
}

}  // namespace

TickLabels forward_mid_returns(std::span<const TickPoint> points, const TickLabelOptions& options) {
  QTK_CHECK(options.ticks >= 0 && options.seconds >= 0 && options.seconds <= 1e9 &&
                (options.ticks > 0) != (options.seconds > 0),
            ValueError, "[tick_labels] ticks {} and seconds {}, expected one of them above zero", options.ticks,
            options.seconds);
  const int64_t nanos = std::llround(options.seconds * 1e9);
  std::map<std::pair<int32_t, int64_t>, Session> sessions;
  for (size_t i = 0; i < points.size(); ++i) {
    if (!points[i].accepted) continue;
    Session& session = sessions[{points[i].instrument, points[i].session}];
    session.end = points[i].time;
    if (points[i].tick) session.ticks.push_back(static_cast<int64_t>(i));
  }
  std::vector<std::pair<int64_t, float>> found;
  TickLabels labels;
  for (const auto& [key, session] : sessions) {
    for (size_t at = 0; at < session.ticks.size(); ++at) {
      const size_t target = target_of(session, points, at, static_cast<size_t>(options.ticks), nanos);
      const int64_t row = session.ticks[at];
      if (target == session.ticks.size() || points[row].mid == 0) {
        ++labels.dropped;
        continue;
      }
      found.emplace_back(row, static_cast<float>(points[session.ticks[target]].mid / points[row].mid - 1));
    }
  }
  std::sort(found.begin(), found.end());
  for (const auto& [row, value] : found) {
    labels.rows.push_back(row);
    labels.values.push_back(value);
  }
  return labels;
}

}  // namespace quantick::features
