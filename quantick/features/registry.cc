#include "quantick/features/registry.h"

#include <algorithm>

#include "quantick/market/text.h"

// One line per feature; the function stands in the feature's own file.
#define QTK_FEATURES(X)    \
  X(demean_feature)        \
  X(drawdown_feature)      \
  X(ma_ratio_feature)      \
  X(momentum_feature)      \
  X(overnight_feature)     \
  X(parkinson_feature)     \
  X(range_feature)         \
  X(rank_feature)          \
  X(return_feature)        \
  X(reversal_feature)      \
  X(volatility_feature)    \
  X(volume_ratio_feature)  \
  X(volume_zscore_feature) \
  X(zscore_feature)

namespace quantick::features {

#define QTK_DECLARE(function) FeatureRow function();
QTK_FEATURES(QTK_DECLARE)
#undef QTK_DECLARE

std::span<const FeatureRow> feature_registry() {
  static const std::vector<FeatureRow> rows = [] {
    std::vector<FeatureRow> list;
#define QTK_ADD(function) list.push_back(function());
    QTK_FEATURES(QTK_ADD)
#undef QTK_ADD
    std::sort(list.begin(), list.end(), [](const FeatureRow& a, const FeatureRow& b) { return a.name < b.name; });
    return list;
  }();
  return rows;
}

std::unique_ptr<Feature> make_feature(std::string_view specification) {
  return make_feature(parse_call(specification));
}

std::unique_ptr<Feature> make_feature(const Call& call) {
  std::vector<std::string> names;
  for (const FeatureRow& row : feature_registry()) {
    if (row.name == call.name) return row.make(call);
    names.push_back(row.name);
  }
  fail_unknown_feature(call, "feature", names);
}

void fail_unknown_feature(const Call& call, std::string_view kind, std::span<const std::string> names) {
  std::string list;
  for (const auto& name : names) list += (list.empty() ? "" : ", ") + name;
  fail<ValueError>("[features] {}: {} {}, expected one of: {}{}", call.text, kind, market::shown(call.name), list,
                   market::did_you_mean(call.name, names));
}

void check_range(const std::string& feature, std::string_view parameter, int64_t value, int64_t least, int64_t most) {
  QTK_CHECK(value >= least && value <= most, ValueError, "[features] {}: {}, was {}, expected {}..{}", feature,
            parameter, value, least, most);
}

}  // namespace quantick::features
