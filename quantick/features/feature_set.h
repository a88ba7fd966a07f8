#pragma once
// Several features together, as a model's input.
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "quantick/features/feature.h"

namespace quantick::features {

/// A list of features in the order of the model's columns.
class FeatureSet {
 public:
  /// Throws ValueError for no feature and for one named twice; see make_feature for the rest.
  explicit FeatureSet(std::span<const std::string> specifications);

  int64_t size() const { return static_cast<int64_t>(features_.size()); }
  const Feature& operator[](int64_t i) const { return *features_[i]; }
  std::vector<std::string> names() const;
  /// Fields that any of the features reads, each once; the order of FeatureSetStream::update's inputs.
  std::span<const std::string> fields() const { return fields_; }
  /// Bars before the first date on which every feature can have a value.
  int64_t warm_up() const;
  /// [T, N, F], NaN = not available. Uses the thread pool; the bits do not depend on it. Polls
  /// for Ctrl-C (core/interrupt.h).
  std::vector<double> compute(const market::Panel& panel) const;

 private:
  friend class FeatureSetStream;
  std::vector<std::unique_ptr<Feature>> features_;
  std::vector<std::string> fields_;
  std::vector<std::vector<size_t>> positions_;  // by feature: where its fields stand in fields_
};

/// The live form: one call per date. The set must outlive it.
class FeatureSetStream {
 public:
  FeatureSetStream(const FeatureSet& set, int64_t instruments);
  /// inputs[k] points at one value per instrument of the set's field k; out is [N, F].
  void update(std::span<const double* const> inputs, std::span<double> out);

 private:
  const FeatureSet& set_;
  int64_t instruments_;
  std::vector<std::unique_ptr<FeatureStream>> streams_;
  std::vector<double> column_;
  std::vector<const double*> inputs_;
};

}  // namespace quantick::features
