#pragma once
// The features by name. A feature is one file with one row; the row is listed once in registry.cc.
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "quantick/features/call.h"
#include "quantick/features/feature.h"

namespace quantick::features {

struct ParameterRow {
  std::string name;
  std::string usual;  // the default
  std::string doc;
};

struct FeatureRow {
  std::string name;
  std::string doc;      // formula, with the unit
  std::string example;  // a specification for tests and docs
  std::vector<ParameterRow> parameters;
  std::unique_ptr<Feature> (*make)(const Call& call);
};

/// The field list of P.
template <HasFields P>
std::vector<ParameterRow> parameter_rows() {
  std::vector<ParameterRow> rows;
  const P defaults;
  for_each_field(defaults, [&](std::string_view parameter, const auto& member, std::string_view text) {
    rows.push_back({std::string(parameter), fmt::format("{}", member), std::string(text)});
  });
  return rows;
}

/// A row whose parameters are the field list of P, made by make(P, canonical name).
template <HasFields P, std::unique_ptr<Feature> (*make)(const P&, std::string)>
FeatureRow feature_row(std::string name, std::string doc, std::string example) {
  return {.name = std::move(name),
          .doc = std::move(doc),
          .example = std::move(example),
          .parameters = parameter_rows<P>(),
          .make = [](const Call& call) {
            const P parameters = bind_arguments<P>(call);
            return make(parameters, canonical_name(call.name, parameters));
          }};
}

/// All features, in alphabetical order.
std::span<const FeatureRow> feature_registry();

/// `momentum(20, 5)` or `rank(return(5))`. Throws ParseError, or ValueError that names the nearest feature or
/// parameter.
std::unique_ptr<Feature> make_feature(std::string_view specification);
std::unique_ptr<Feature> make_feature(const Call& call);

/// The ValueError that `call` names none of `names`; it lists them and names the nearest.
[[noreturn]] void fail_unknown_feature(const Call& call, std::string_view kind, std::span<const std::string> names);

/// Throws ValueError unless least <= value <= most.
void check_range(const std::string& feature, std::string_view parameter, int64_t value, int64_t least,
                 int64_t most = 100000);

}  // namespace quantick::features
