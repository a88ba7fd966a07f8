// ma_ratio(fast, slow), range(): where the price stands.
#include "quantick/features/registry.h"

namespace quantick::features {
namespace {

struct MaRatioParameters {
  int64_t fast = 5;
  int64_t slow = 20;
  static constexpr auto fields() {
    return std::make_tuple(field("fast", &MaRatioParameters::fast, "bars of the short mean (1: the price itself)"),
                           field("slow", &MaRatioParameters::slow, "bars of the long mean, more than fast"));
  }
};

struct RangeParameters {
  static constexpr auto fields() { return std::make_tuple(); }
};

class MaRatio final : public WindowFeature {
 public:
  MaRatio(std::string name, const MaRatioParameters& p)
      : WindowFeature(std::move(name), {"price"}, p.slow), fast_(p.fast) {}

  double value(std::span<const double* const> windows) const override {
    return mean(windows[0] + length() - fast_, fast_) / mean(windows[0], length()) - 1;
  }

 private:
  static double mean(const double* values, int64_t count) {
    double sum = 0;
    for (int64_t i = 0; i < count; ++i) sum += values[i];
    return sum / static_cast<double>(count);
  }

  int64_t fast_;
};

class Range final : public WindowFeature {
 public:
  explicit Range(std::string name) : WindowFeature(std::move(name), {"high", "low", "close"}, 1) {}

  double value(std::span<const double* const> windows) const override {
    const double high = windows[0][0], low = windows[1][0], close = windows[2][0];
    return high == low && close == low ? 0 : (close - low) / (high - low) - 0.5;
  }
};

std::unique_ptr<Feature> make_ma_ratio(const MaRatioParameters& p, std::string name) {
  check_range(name, "fast", p.fast, 1);
  check_range(name, "slow", p.slow, p.fast + 1);
  return std::make_unique<MaRatio>(std::move(name), p);
}

std::unique_ptr<Feature> make_range(const RangeParameters&, std::string name) {
  return std::make_unique<Range>(std::move(name));
}

}  // namespace

FeatureRow ma_ratio_feature() {
  return feature_row<MaRatioParameters, make_ma_ratio>(
      "ma_ratio", "mean(last fast prices) / mean(last slow prices) - 1", "ma_ratio(5,20)");
}
FeatureRow range_feature() {
  return feature_row<RangeParameters, make_range>(
      "range", "where the close stands in the bar: (close - low) / (high - low) - 0.5, 0 for a flat bar", "range()");
}

}  // namespace quantick::features
