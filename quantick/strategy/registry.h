#pragma once
// Strategies by class name. A new one is its own file, its test, and its options' name in the variant below.
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "quantick/strategy/equal_weight.h"
#include "quantick/strategy/long_short.h"
#include "quantick/strategy/target_weights.h"
#include "quantick/strategy/topk_dropout.h"

namespace quantick::strategy {

using StrategyOptions = std::variant<LongShortOptions, TopkDropoutOptions, EqualWeightOptions, TargetWeightsOptions>;

/// Class names, in the order of the variant.
std::vector<std::string> strategy_names();

/// The default options of a class; fill them through their field list. Throws ValueError that lists the classes and
/// names the nearest.
StrategyOptions default_strategy_options(std::string_view class_name);

/// Throws ValueError for options that do not fit the instruments.
std::unique_ptr<Strategy> make_strategy(const StrategyOptions& options, const std::vector<std::string>& instruments);

}  // namespace quantick::strategy
