#include "quantick/features/ticks/tick_registry.h"

#include <algorithm>

// One line per feature; the function stands in the feature's own file.
#define QTK_TICK_FEATURES(X)      \
  X(book_slope_feature)           \
  X(depth_imbalance_feature)      \
  X(imbalance_feature)            \
  X(microprice_feature)           \
  X(microprice_offset_feature)    \
  X(mid_return_feature)           \
  X(order_flow_imbalance_feature) \
  X(realized_volatility_feature)  \
  X(relative_spread_feature)      \
  X(signed_volume_feature)        \
  X(spread_feature)               \
  X(time_since_trade_feature)     \
  X(trade_intensity_feature)

namespace quantick::features {

#define QTK_DECLARE(function) TickFeatureRow function();
QTK_TICK_FEATURES(QTK_DECLARE)
#undef QTK_DECLARE

std::span<const TickFeatureRow> tick_feature_registry() {
  static const std::vector<TickFeatureRow> rows = [] {
    std::vector<TickFeatureRow> list;
#define QTK_ADD(function) list.push_back(function());
    QTK_TICK_FEATURES(QTK_ADD)
#undef QTK_ADD
    std::sort(list.begin(), list.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return list;
  }();
  return rows;
}

std::unique_ptr<TickFeature> make_tick_feature(std::string_view specification) {
  const Call call = parse_call(specification);
  std::vector<std::string> names;
  for (const TickFeatureRow& row : tick_feature_registry()) {
    if (row.name == call.name) return row.make(call);
    names.push_back(row.name);
  }
  fail_unknown_feature(call, "feature of ticks", names);
}

}  // namespace quantick::features
