// volume_zscore(bars), volume_ratio(bars): how unusual a bar's volume is.
#include <cmath>

#include "quantick/features/registry.h"

namespace quantick::features {
namespace {

struct VolumeParameters {
  int64_t bars = 20;
  static constexpr auto fields() {
    return std::make_tuple(field("bars", &VolumeParameters::bars, "bars in the window, the present one included"));
  }
};

class VolumeZscore final : public WindowFeature {
 public:
  VolumeZscore(std::string name, int64_t bars) : WindowFeature(std::move(name), {"volume"}, bars) {}

  double value(std::span<const double* const> windows) const override {
    const double* volume = windows[0];
    double sum = 0, squares = 0;
    bool flat = true;
    for (int64_t i = 0; i < length(); ++i) {
      sum += std::log1p(volume[i]);
      flat = flat && volume[i] == volume[0];  // false for NaN, which then shows in the value
    }
    // Equal volumes would leave the mean's rounding as their deviation.
    if (flat) return 0;
    const double mean = sum / static_cast<double>(length());
    for (int64_t i = 0; i < length(); ++i) {
      const double deviation = std::log1p(volume[i]) - mean;
      squares += deviation * deviation;
    }
    return (std::log1p(volume[length() - 1]) - mean) / std::sqrt(squares / static_cast<double>(length() - 1));
  }
};

class VolumeRatio final : public WindowFeature {
 public:
  VolumeRatio(std::string name, int64_t bars) : WindowFeature(std::move(name), {"volume"}, bars) {}

  double value(std::span<const double* const> windows) const override {
    double sum = 0;
    for (int64_t i = 0; i < length(); ++i) sum += windows[0][i];
    return windows[0][length() - 1] / (sum / static_cast<double>(length())) - 1;
  }
};

std::unique_ptr<Feature> make_zscore(const VolumeParameters& p, std::string name) {
  check_range(name, "bars", p.bars, 2);
  return std::make_unique<VolumeZscore>(std::move(name), p.bars);
}

std::unique_ptr<Feature> make_ratio(const VolumeParameters& p, std::string name) {
  check_range(name, "bars", p.bars, 2);
  return std::make_unique<VolumeRatio>(std::move(name), p.bars);
}

}  // namespace

FeatureRow volume_zscore_feature() {
  return feature_row<VolumeParameters, make_zscore>(
      "volume_zscore", "(ln(1+volume) - mean) / standard deviation (n-1) over the window", "volume_zscore(20)");
}
FeatureRow volume_ratio_feature() {
  return feature_row<VolumeParameters, make_ratio>("volume_ratio", "volume[t] / mean(volume over the window) - 1",
                                                   "volume_ratio(20)");
}

}  // namespace quantick::features
