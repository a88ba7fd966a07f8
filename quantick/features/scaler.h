#pragma once
// Scales features to the range that a network likes. Fitted on training dates only, applied to any.
#include <cstdint>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "quantick/core/fields.h"

namespace quantick::features {

struct ScalerOptions {
  std::string kind = "standard";
  double clip = 5;

  static constexpr auto fields() {
    return std::make_tuple(
        field("kind", &ScalerOptions::kind,
              "standard: mean and standard deviation; robust: median and interquartile range / 1.349; none"),
        field("clip", &ScalerOptions::clip, "scaled values are cut to +-clip; 0: not at all"));
  }
};

/// (x - center) / scale, cut to +-clip; NaN stays NaN. Plain data: what is stored with a model.
struct Scaler {
  std::string kind;
  double clip = 0;
  std::vector<std::string> features;
  std::vector<double> center;  // by feature
  std::vector<double> scale;   // by feature, above zero

  static constexpr auto fields() {
    return std::make_tuple(field("kind", &Scaler::kind, "see ScalerOptions"), field("clip", &Scaler::clip, "0: none"),
                           field("features", &Scaler::features, "names of the columns"),
                           field("center", &Scaler::center, "subtracted, by feature"),
                           field("scale", &Scaler::scale, "divided by, by feature"));
  }

  /// Fits on the dates [begin, end) of `values` [T, N, F]; missing values do not count. A constant column has scale 1;
  /// a column whose quartiles are equal but whose values are not falls back to its standard deviation. Throws
  /// ValueError that names a column without any value, and for wrong options or no dates.
  static Scaler fit(std::span<const double> values, std::vector<std::string> features, int64_t instruments,
                    int64_t begin, int64_t end, const ScalerOptions& options = {});

  /// One value of one feature.
  float apply(double value, int64_t feature) const;
  /// [..., F] to the same shape. Throws ShapeError where the length is no multiple of F.
  void transform(std::span<const double> values, std::span<float> out) const;
  std::vector<float> transform(std::span<const double> values) const;
};

}  // namespace quantick::features
