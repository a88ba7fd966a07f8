#include "quantick/features/scaler.h"

#include <algorithm>
#include <cmath>

#include "quantick/core/error.h"
#include "quantick/core/thread_pool.h"
#include "quantick/market/text.h"

namespace quantick::features {
namespace {

// Interquartile range of a normal distribution with standard deviation 1.
constexpr double kNormalQuartileRange = 1.3489795003921634;

struct Location {
  double center = 0, scale = 1;
};

Location mean_and_deviation(std::span<const double> values) {
  // Equal values would leave the mean's rounding as their deviation, so they are told apart exactly.
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  if (*least == *most) return {*least, 1};
  double sum = 0, squares = 0;
  for (const double v : values) sum += v;
  const double mean = sum / static_cast<double>(values.size());
  for (const double v : values) squares += (v - mean) * (v - mean);
  const double deviation = std::sqrt(squares / static_cast<double>(values.size()));
  return {mean, deviation > 0 ? deviation : 1};
}

/// Quantile with linear interpolation between order statistics; reorders `values`.
double quantile(std::vector<double>& values, double share) {
  const double position = share * static_cast<double>(values.size() - 1);
  const auto below = static_cast<int64_t>(position);
  std::nth_element(values.begin(), values.begin() + below, values.end());
  const double low = values[below];
  if (below + 1 == static_cast<int64_t>(values.size())) return low;
  const double high = *std::min_element(values.begin() + below + 1, values.end());
  return low + (position - static_cast<double>(below)) * (high - low);
}

Location median_and_quartiles(std::vector<double> values) {
  const double fallback = mean_and_deviation(values).scale;
  const double median = quantile(values, 0.5);
  const double range = quantile(values, 0.75) - quantile(values, 0.25);
  return {median, range > 0 ? range / kNormalQuartileRange : fallback};
}

}  // namespace

Scaler Scaler::fit(std::span<const double> values, std::vector<std::string> features, int64_t instruments,
                   int64_t begin, int64_t end, const ScalerOptions& options) {
  const std::vector<std::string> kinds = {"standard", "robust", "none"};
  QTK_CHECK(std::find(kinds.begin(), kinds.end(), options.kind) != kinds.end(), ValueError,
            "[scaler] kind, was {}, expected standard, robust or none{}", market::shown(options.kind),
            market::did_you_mean(options.kind, kinds));
  QTK_CHECK(options.clip >= 0 && std::isfinite(options.clip), ValueError, "[scaler] clip, was {}, expected 0 or more",
            options.clip);
  const auto width = static_cast<int64_t>(features.size());
  QTK_CHECK(width > 0 && instruments > 0 && values.size() % (width * instruments) == 0, ShapeError,
            "[scaler] {} values, expected dates x {} instruments x {} features", values.size(), instruments, width);
  const int64_t dates = static_cast<int64_t>(values.size()) / (width * instruments);
  QTK_CHECK(begin >= 0 && begin < end && end <= dates, ValueError,
            "[scaler] training dates, were positions {}..{}, expected a span within 0..{}", begin, end, dates);
  Scaler scaler{options.kind, options.clip, std::move(features), std::vector<double>(width),
                std::vector<double>(width)};
  parallel_for(width, [&](int64_t f) {
    std::vector<double> column;
    for (int64_t row = begin * instruments; row < end * instruments; ++row) {
      const double v = values[row * width + f];
      if (!std::isnan(v)) column.push_back(v);
    }
    QTK_CHECK(
        !column.empty(), ValueError,
        "[scaler] feature {} has no value on the {} training dates, expected some; is its warm-up longer than the "
        "training span?",
        scaler.features[f], end - begin);
    const Location location = options.kind == "none"       ? Location{}
                              : options.kind == "standard" ? mean_and_deviation(column)
                                                           : median_and_quartiles(std::move(column));
    scaler.center[f] = location.center;
    scaler.scale[f] = location.scale;
  });
  return scaler;
}

float Scaler::apply(double value, int64_t feature) const {
  double scaled = (value - center[feature]) / scale[feature];
  if (clip > 0 && std::abs(scaled) > clip) scaled = std::copysign(clip, scaled);
  return static_cast<float>(scaled);
}

void Scaler::transform(std::span<const double> values, std::span<float> out) const {
  const auto width = static_cast<int64_t>(features.size());
  QTK_CHECK(width > 0 && values.size() % width == 0 && out.size() == values.size(), ShapeError,
            "[scaler] {} values into {}, expected a multiple of {} features", values.size(), out.size(), width);
  const int64_t rows = static_cast<int64_t>(values.size()) / width;
  parallel_ranges(rows, 1 << 14, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      for (int64_t f = 0; f < width; ++f) out[row * width + f] = apply(values[row * width + f], f);
    }
  });
}

std::vector<float> Scaler::transform(std::span<const double> values) const {
  std::vector<float> out(values.size());
  transform(values, out);
  return out;
}

}  // namespace quantick::features
