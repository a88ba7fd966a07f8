#include "quantick/report/chart_scale.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

namespace quantick::report {
namespace {

constexpr int kSteps = 5;                     // wanted between the ends of a value axis
constexpr size_t kMostLabels = 9;             // under an axis as wide as a desktop page
constexpr size_t kNarrowLabels = 5;           // under one as wide as a phone
constexpr double kDecadesWithAllTicks = 2.5;  // longer logarithmic axes carry powers of ten alone
constexpr double kRoundOff = 1e-9;            // in steps; keeps a tick that rounding pushed past the end

double unit_factor(Unit unit) {
  if (unit == Unit::kPercent) return 100;
  return unit == Unit::kBasisPoints ? 1e4 : 1;
}

double round_step(double span) {
  const double rough = span / kSteps;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  for (const double multiple : {1.0, 2.0, 2.5, 5.0}) {
    if (multiple * power >= rough * (1 - kRoundOff)) return multiple * power;
  }
  return 10 * power;
}

double position(size_t index, size_t size, bool bands) {
  if (bands) return (static_cast<double>(index) + 0.5) / static_cast<double>(size);
  return size < 2 ? 0.5 : static_cast<double>(index) / static_cast<double>(size - 1);
}

/// Keeps every k-th of the candidates and marks which of those a narrow screen leaves out.
std::vector<Tick> choose(const std::vector<size_t>& indices, const std::vector<std::string>& texts, size_t size,
                         bool bands) {
  std::vector<Tick> ticks;
  const size_t stride = (indices.size() + kMostLabels - 1) / kMostLabels;
  for (size_t i = 0; i < indices.size(); i += std::max<size_t>(stride, 1)) {
    ticks.push_back({position(indices[i], size, bands), texts[i], false});
  }
  const size_t narrow = (ticks.size() + kNarrowLabels - 1) / kNarrowLabels;
  for (size_t i = 0; i < ticks.size(); ++i) ticks[i].minor = narrow > 1 && i % narrow != 0;
  return ticks;
}

/// Places where a new year (length 4), month (7) or day (10) begins.
struct Starts {
  std::vector<size_t> indices;
  std::vector<std::string> texts;
};

Starts starts_of(const std::vector<std::string>& dates, size_t length) {
  Starts out;
  for (size_t i = 0; i < dates.size(); ++i) {
    std::string text = dates[i].substr(0, length);
    if (!out.texts.empty() && out.texts.back() == text) continue;
    out.indices.push_back(i);
    out.texts.push_back(std::move(text));
  }
  return out;
}

/// A first year or month that is nearly over would push its label into the next one's.
void drop_crowded_first(Starts& starts, size_t size) {
  if (starts.indices.size() < 3 || starts.indices[1] * 12 >= size) return;
  starts.indices.erase(starts.indices.begin());
  starts.texts.erase(starts.texts.begin());
}

/// Keeps round years (every 2nd, 5th, 10th) or quarters and half years, as many as fit.
void keep_round(Starts& starts, size_t length) {
  const std::vector<int> years{1, 2, 5, 10, 20, 50};
  const std::vector<int> months{1, 3, 6, 12};
  if (length == 10) return;
  const auto number = [&](const std::string& text) {
    return length == 4 ? std::atoi(text.c_str()) : std::atoi(text.substr(5).c_str()) - 1;
  };
  for (const int every : length == 4 ? years : months) {
    Starts round;
    for (size_t i = 0; i < starts.indices.size(); ++i) {
      if (number(starts.texts[i]) % every != 0) continue;
      round.indices.push_back(starts.indices[i]);
      round.texts.push_back(starts.texts[i]);
    }
    if (round.indices.size() > kMostLabels) continue;
    if (round.indices.size() > 1) starts = std::move(round);
    return;
  }
}

}  // namespace

double Axis::place(double value) const {
  const double v = log ? std::log(value) : value;
  const double bottom = log ? std::log(low) : low;
  const double top = log ? std::log(high) : high;
  return std::clamp((top - v) / (top - bottom), 0.0, 1.0) * kCanvas;
}

Axis linear_axis(double low, double high, Unit unit) {
  if (!(high - low > std::max(std::abs(low), std::abs(high)) * 1e-12)) {
    const double around = low == 0 ? 1 / unit_factor(unit) : std::abs(low) * 0.1;
    low -= around;
    high += around;
  }
  const double step = round_step(high - low);
  const double first = std::floor(low / step + kRoundOff);
  const double last = std::ceil(high / step - kRoundOff);
  Axis axis{.low = first * step, .high = last * step};
  for (double k = first; k <= last; ++k) axis.ticks.push_back(k == 0 ? 0 : k * step);
  return axis;
}

Axis log_axis(double low, double high) {
  Axis axis{.low = low / 1.05, .high = high * 1.05, .log = true};
  const auto first = static_cast<int>(std::floor(std::log10(axis.low)));
  const auto last = static_cast<int>(std::ceil(std::log10(axis.high)));
  const bool only_powers = std::log10(axis.high / axis.low) > kDecadesWithAllTicks;
  for (int power = first; power <= last; ++power) {
    for (const double multiple : {1.0, 2.0, 5.0}) {
      if (only_powers && multiple != 1.0) continue;
      const double tick = multiple * std::pow(10, power);
      if (tick >= axis.low && tick <= axis.high) axis.ticks.push_back(tick);
    }
  }
  return axis;
}

bool finite_range(const std::vector<const std::vector<double>*>& lines, double& low, double& high) {
  bool any = false;
  for (const auto* line : lines) {
    for (const double value : *line) {
      if (!std::isfinite(value)) continue;
      low = any ? std::min(low, value) : value;
      high = any ? std::max(high, value) : value;
      any = true;
    }
  }
  return any;
}

std::vector<size_t> thin(const std::vector<double>& values, size_t max_points) {
  const size_t n = values.size();
  if (n <= max_points) return even_indices(n, n);
  const size_t stretches = (max_points - 2) / 2;
  std::vector<size_t> kept{0};
  for (size_t s = 0; s < stretches; ++s) {
    const size_t begin = 1 + (n - 2) * s / stretches;
    const size_t end = 1 + (n - 2) * (s + 1) / stretches;
    size_t lowest = n;
    size_t highest = n;
    for (size_t i = begin; i < end; ++i) {
      if (!std::isfinite(values[i])) continue;
      if (lowest == n || values[i] < values[lowest]) lowest = i;
      if (highest == n || values[i] > values[highest]) highest = i;
    }
    if (lowest == n) {
      kept.push_back(begin);
      continue;
    }
    kept.push_back(std::min(lowest, highest));
    if (lowest != highest) kept.push_back(std::max(lowest, highest));
  }
  kept.push_back(n - 1);
  return kept;
}

std::vector<size_t> even_indices(size_t size, size_t count) {
  std::vector<size_t> out;
  count = std::min(size, count);
  for (size_t i = 0; i < count; ++i) out.push_back(count == 1 ? 0 : i * (size - 1) / (count - 1));
  return out;
}

std::vector<Tick> date_ticks(const std::vector<std::string>& dates, bool bands) {
  Starts starts;
  for (const size_t length : {4, 7, 10}) {
    starts = starts_of(dates, length);
    const bool enough = starts.indices.size() >= 4;
    keep_round(starts, length);
    if (enough) break;
  }
  drop_crowded_first(starts, dates.size());
  return choose(starts.indices, starts.texts, dates.size(), bands);
}

std::vector<Tick> label_ticks(const std::vector<std::string>& labels, bool bands) {
  std::vector<size_t> indices = even_indices(labels.size(), labels.size());
  return choose(indices, labels, labels.size(), bands);
}

std::vector<std::string> tick_labels(const Axis& axis, Unit unit) {
  const double factor = unit_factor(unit);
  double smallest = std::abs(axis.high - axis.low);
  for (size_t i = 1; i < axis.ticks.size(); ++i) smallest = std::min(smallest, axis.ticks[i] - axis.ticks[i - 1]);
  if (axis.log) smallest = axis.low;
  smallest *= factor;
  int decimals = 0;
  // A step of 2.5 needs one digit more than its power of ten shows.
  while (decimals < 9 && std::abs(smallest - std::round(smallest)) > 1e-6 * std::max(smallest, 1e-3)) {
    smallest *= 10;
    ++decimals;
    if (axis.log && smallest >= 1) break;
  }
  std::vector<std::string> labels;
  for (const double tick : axis.ticks) {
    const double shown = tick * factor;
    const bool scientific = std::abs(shown) >= 1e6 || decimals > 6;
    // Ticks of a logarithmic axis lie decades apart: each has the digits it needs.
    std::string text = scientific ? fmt::format("{:.3g}", shown)
                       : axis.log ? fmt::format("{:g}", shown)
                                  : fmt::format("{:.{}f}", shown, decimals);
    if (text.starts_with('-')) text.replace(0, 1, "\u2212");
    if (unit == Unit::kPercent) text += "%";
    labels.push_back(std::move(text));
  }
  return labels;
}

}  // namespace quantick::report
