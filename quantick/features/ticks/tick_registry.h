#pragma once
// The features of ticks by name. One is a struct of parameters, a class and a row; the row is listed in
// tick_registry.cc.
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "quantick/features/call.h"
#include "quantick/features/registry.h"
#include "quantick/features/ticks/tick_feature.h"

namespace quantick::features {

struct TickFeatureRow {
  std::string name;
  std::string doc;      // formula, with the unit
  std::string example;  // a specification for tests and docs
  std::vector<ParameterRow> parameters;
  std::unique_ptr<TickFeature> (*make)(const Call& call);
};

/// A row whose parameters are the field list of P, made by F(P, canonical name).
template <HasFields P, class F>
TickFeatureRow tick_feature_row(std::string name, std::string doc, std::string example) {
  return {.name = std::move(name),
          .doc = std::move(doc),
          .example = std::move(example),
          .parameters = parameter_rows<P>(),
          .make = [](const Call& call) -> std::unique_ptr<TickFeature> {
            const P parameters = bind_arguments<P>(call);
            return std::make_unique<F>(parameters, canonical_name(call.name, parameters));
          }};
}

/// All of them, in alphabetical order.
std::span<const TickFeatureRow> tick_feature_registry();

/// `order_flow_imbalance(20)`. Throws ParseError, or ValueError that names the nearest feature or parameter.
std::unique_ptr<TickFeature> make_tick_feature(std::string_view specification);

/// For features without a value yet.
inline constexpr double kNoValue = std::numeric_limits<double>::quiet_NaN();

/// Parameters of features that have none.
struct NoParameters {
  static constexpr auto fields() { return std::make_tuple(); }
};

/// Parameters of features over the last ticks.
struct TickParameters {
  int64_t ticks = 20;
  /// The number, for the feature called `name`. Throws ValueError out of 1..100000.
  int64_t checked(const std::string& name) const {
    check_range(name, "ticks", ticks, 1);
    return ticks;
  }
  static constexpr auto fields() {
    return std::make_tuple(field("ticks", &TickParameters::ticks, "ticks in the window"));
  }
};

}  // namespace quantick::features
