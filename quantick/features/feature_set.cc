#include "quantick/features/feature_set.h"

#include <algorithm>

#include "quantick/core/error.h"
#include "quantick/core/interrupt.h"
#include "quantick/core/thread_pool.h"
#include "quantick/features/registry.h"

namespace quantick::features {

FeatureSet::FeatureSet(std::span<const std::string> specifications) {
  QTK_CHECK(!specifications.empty(), ValueError, "[features] the list of features is empty, expected at least one");
  for (const auto& text : specifications) {
    features_.push_back(make_feature(text));
    for (size_t i = 0; i + 1 < features_.size(); ++i) {
      QTK_CHECK(features_[i]->name() != features_.back()->name(), ValueError,
                "[features] {} is in the list twice, expected once", features_.back()->name());
    }
    std::vector<size_t> positions;
    for (const auto& field : features_.back()->fields()) {
      const auto known = std::find(fields_.begin(), fields_.end(), field);
      positions.push_back(static_cast<size_t>(known - fields_.begin()));
      if (known == fields_.end()) fields_.push_back(field);
    }
    positions_.push_back(std::move(positions));
  }
}

std::vector<std::string> FeatureSet::names() const {
  std::vector<std::string> names;
  for (const auto& feature : features_) names.push_back(feature->name());
  return names;
}

int64_t FeatureSet::warm_up() const {
  int64_t bars = 0;
  for (const auto& feature : features_) bars = std::max(bars, feature->warm_up());
  return bars;
}

std::vector<double> FeatureSet::compute(const market::Panel& panel) const {
  for (const auto& feature : features_) feature->require_fields(panel);
  const int64_t cells = panel.date_count() * panel.instrument_count();
  std::vector<double> values(cells * size());
  parallel_for(size(), [&](int64_t f) {
    check_interrupt();
    const std::vector<double> column = features_[f]->compute(panel);
    for (int64_t k = 0; k < cells; ++k) values[k * size() + f] = column[k];
  });
  return values;
}

FeatureSetStream::FeatureSetStream(const FeatureSet& set, int64_t instruments)
    : set_(set), instruments_(instruments), column_(instruments), inputs_(set.fields_.size()) {
  for (const auto& feature : set.features_) streams_.push_back(feature->stream(instruments));
}

void FeatureSetStream::update(std::span<const double* const> inputs, std::span<double> out) {
  QTK_CHECK(inputs.size() == set_.fields_.size() && static_cast<int64_t>(out.size()) == instruments_ * set_.size(),
            ShapeError, "[features] update: {} fields and {} outputs, expected {} and {}", inputs.size(), out.size(),
            set_.fields_.size(), instruments_ * set_.size());
  for (int64_t f = 0; f < set_.size(); ++f) {
    const auto& positions = set_.positions_[f];
    for (size_t k = 0; k < positions.size(); ++k) inputs_[k] = inputs[positions[k]];
    streams_[f]->update(std::span(inputs_).first(positions.size()), column_);
    for (int64_t i = 0; i < instruments_; ++i) out[i * set_.size() + f] = column_[i];
  }
}

}  // namespace quantick::features
