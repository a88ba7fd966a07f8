#include "quantick/features/feature.h"

#include <cmath>

#include "quantick/core/error.h"

namespace quantick::features {
namespace {

/// Rings that hold every value twice, `length` apart, so that the last `length` values always lie in one piece.
class WindowStream final : public FeatureStream {
 public:
  WindowStream(const WindowFeature& feature, int64_t instruments)
      : feature_(feature),
        instruments_(instruments),
        length_(feature.length()),
        rings_(feature.fields().size() * instruments * 2 * length_, market::kMissing),
        windows_(feature.fields().size()) {}

  void update(std::span<const double* const> inputs, std::span<double> out) override {
    const int64_t slot = seen_ % length_;
    ++seen_;
    for (int64_t i = 0; i < instruments_; ++i) {
      for (size_t k = 0; k < windows_.size(); ++k) {
        double* ring = rings_.data() + (static_cast<int64_t>(k) * instruments_ + i) * 2 * length_;
        ring[slot] = ring[slot + length_] = inputs[k][i];
        windows_[k] = ring + slot + 1;
      }
      const double value = seen_ < length_ ? market::kMissing : feature_.value(windows_);
      out[i] = std::isfinite(value) ? value : market::kMissing;
    }
  }

 private:
  const WindowFeature& feature_;
  int64_t instruments_;
  int64_t length_;
  int64_t seen_ = 0;
  std::vector<double> rings_;  // [field, instrument, 2 * length]
  std::vector<const double*> windows_;
};

}  // namespace

void Feature::require_fields(const market::Panel& panel) const {
  std::string absent, present;
  for (const auto& field : fields_) {
    if (!panel.has(field)) absent += (absent.empty() ? "" : ", ") + field;
  }
  for (const auto& field : panel.field_names) present += (present.empty() ? "" : ", ") + field;
  QTK_CHECK(absent.empty(), ValueError,
            "[features] {} needs {}, which the data lacks (it has {}); leave the feature out or add the column", name_,
            absent, present);
}

std::vector<double> Feature::compute(const market::Panel& panel) const {
  require_fields(panel);
  const int64_t instruments = panel.instrument_count();
  std::vector<double> values(panel.date_count() * instruments);
  std::vector<const double*> inputs;
  for (const auto& field : fields_) inputs.push_back(panel.field(field).data());
  auto state = stream(instruments);
  for (int64_t t = 0; t < panel.date_count(); ++t) {
    if (panel.intraday() && t > 0 && panel.dates[t] != panel.dates[t - 1]) state = stream(instruments);
    state->update(inputs, std::span(values).subspan(t * instruments, instruments));
    for (auto& input : inputs) input += instruments;
  }
  return values;
}

std::unique_ptr<FeatureStream> WindowFeature::stream(int64_t instruments) const {
  return std::make_unique<WindowStream>(*this, instruments);
}

}  // namespace quantick::features
