// The transforms of cross_section.h and the features rank(feature), demean(feature), zscore(feature).
#include "quantick/features/cross_section.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "quantick/features/registry.h"

namespace quantick::features {
namespace {

struct Moments {
  int64_t count = 0;
  double mean = 0;
};

Moments mean_of(std::span<const double> values) {
  Moments m;
  double sum = 0;
  for (const double v : values) {
    if (std::isnan(v)) continue;
    sum += v;
    ++m.count;
  }
  if (m.count > 0) m.mean = sum / static_cast<double>(m.count);
  return m;
}

enum class Transform { kRank, kDemean, kZscore };

class CrossSection final : public Feature {
 public:
  CrossSection(std::string name, Transform transform, std::unique_ptr<Feature> inner)
      : Feature(std::move(name), {inner->fields().begin(), inner->fields().end()}),
        transform_(transform),
        inner_(std::move(inner)) {}

  int64_t warm_up() const override { return inner_->warm_up(); }

  std::unique_ptr<FeatureStream> stream(int64_t instruments) const override {
    return std::make_unique<Stream>(transform_, inner_->stream(instruments), instruments);
  }

 private:
  class Stream final : public FeatureStream {
   public:
    Stream(Transform transform, std::unique_ptr<FeatureStream> inner, int64_t instruments)
        : transform_(transform), inner_(std::move(inner)) {
      order_.reserve(instruments);
    }

    void update(std::span<const double* const> inputs, std::span<double> out) override {
      inner_->update(inputs, out);
      switch (transform_) {
        case Transform::kRank:
          return cross_sectional_rank(out, order_);
        case Transform::kDemean:
          return cross_sectional_demean(out);
        case Transform::kZscore:
          return cross_sectional_zscore(out);
      }
    }

   private:
    Transform transform_;
    std::unique_ptr<FeatureStream> inner_;
    std::vector<int64_t> order_;
  };

  Transform transform_;
  std::unique_ptr<Feature> inner_;
};

template <Transform transform>
std::unique_ptr<Feature> make_cross_section(const Call& call) {
  QTK_CHECK(call.arguments.size() == 1 && call.arguments[0].key.empty(), ValueError,
            "[features] {}: expected one feature between the brackets, e.g. {}(return(5))", call.text, call.name);
  // A bare name is a feature with its defaults: rank(return).
  const Argument& argument = call.arguments[0];
  auto inner = argument.call.empty() ? make_feature(argument.literal) : make_feature(argument.call[0]);
  std::string name = call.name + "(" + inner->name() + ")";
  return std::make_unique<CrossSection>(std::move(name), transform, std::move(inner));
}

template <Transform transform>
FeatureRow row(std::string name, std::string doc) {
  FeatureRow result{.name = name, .doc = std::move(doc), .example = name + "(return(5))"};
  result.parameters.push_back({"feature", "", "any feature"});
  result.make = make_cross_section<transform>;
  return result;
}

}  // namespace

void cross_sectional_rank(std::span<double> values, std::vector<int64_t>& scratch) {
  scratch.clear();
  for (int64_t i = 0; i < static_cast<int64_t>(values.size()); ++i) {
    if (!std::isnan(values[i])) scratch.push_back(i);
  }
  std::sort(scratch.begin(), scratch.end(), [&](int64_t a, int64_t b) { return values[a] < values[b]; });
  const auto count = static_cast<int64_t>(scratch.size());
  for (int64_t begin = 0; begin < count;) {
    int64_t end = begin + 1;
    while (end < count && values[scratch[end]] == values[scratch[begin]]) ++end;
    const double middle = static_cast<double>(begin + end - 1) / 2;  // mean position of the tied ones, from 0
    const double rank = count == 1 ? 0 : middle / static_cast<double>(count - 1) - 0.5;
    for (int64_t k = begin; k < end; ++k) values[scratch[k]] = rank;
    begin = end;
  }
}

void cross_sectional_demean(std::span<double> values) {
  const Moments m = mean_of(values);
  for (double& v : values) v -= m.mean;
}

void cross_sectional_zscore(std::span<double> values) {
  const Moments m = mean_of(values);
  double squares = 0, least = std::numeric_limits<double>::infinity(), most = -least;
  for (const double v : values) {
    if (std::isnan(v)) continue;
    squares += (v - m.mean) * (v - m.mean);
    least = std::min(least, v);
    most = std::max(most, v);
  }
  const double spread = m.count > 0 ? std::sqrt(squares / static_cast<double>(m.count)) : 0;
  // Equal values would leave the mean's rounding as their spread, so they are told apart exactly.
  const bool flat = least >= most || spread == 0;
  for (double& v : values) {
    if (!std::isnan(v)) v = flat ? 0 : (v - m.mean) / spread;
  }
}

FeatureRow rank_feature() {
  return row<Transform::kRank>("rank", "rank among the instruments of the date, to [-0.5, 0.5], ties averaged");
}
FeatureRow demean_feature() {
  return row<Transform::kDemean>("demean", "minus the mean over the instruments of the date");
}
FeatureRow zscore_feature() {
  return row<Transform::kZscore>("zscore", "minus the mean, over the standard deviation (n), of the date");
}

}  // namespace quantick::features
