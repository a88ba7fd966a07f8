#include "quantick/strategy/registry.h"

#include <fmt/format.h>

#include <utility>

#include "quantick/core/error.h"

namespace quantick::strategy {

namespace {

template <class Visit, size_t... I>
void for_each_class(Visit&& visit, std::index_sequence<I...>) {
  (visit(std::variant_alternative_t<I, StrategyOptions>()), ...);
}

template <class Visit>
void for_each_class(Visit&& visit) {
  for_each_class(std::forward<Visit>(visit), std::make_index_sequence<std::variant_size_v<StrategyOptions>>());
}

std::unique_ptr<Strategy> make(const LongShortOptions& options, const std::vector<std::string>& instruments) {
  return std::make_unique<LongShort>(options, instruments);
}
std::unique_ptr<Strategy> make(const TopkDropoutOptions& options, const std::vector<std::string>& instruments) {
  return std::make_unique<TopkDropout>(options, instruments);
}
std::unique_ptr<Strategy> make(const EqualWeightOptions& options, const std::vector<std::string>& instruments) {
  return std::make_unique<EqualWeight>(options, instruments);
}
std::unique_ptr<Strategy> make(const TargetWeightsOptions& options, const std::vector<std::string>& instruments) {
  return std::make_unique<TargetWeights>(options, instruments);
}

}  // namespace

std::vector<std::string> strategy_names() {
  std::vector<std::string> names;
  for_each_class([&](auto options) { names.emplace_back(decltype(options)::kClass); });
  return names;
}

StrategyOptions default_strategy_options(std::string_view class_name) {
  StrategyOptions found;
  bool known = false;
  for_each_class([&](auto options) {
    if (decltype(options)::kClass != class_name) return;
    found = options;
    known = true;
  });
  if (!known) {
    const std::vector<std::string> names = strategy_names();
    const std::string near = nearest_name(class_name, names);
    fail<ValueError>("[strategy] class \"{}\" is unknown, expected one of {}{}", class_name, fmt::join(names, ", "),
                     near.empty() ? std::string() : fmt::format("; nearest is {}", near));
  }
  return found;
}

std::unique_ptr<Strategy> make_strategy(const StrategyOptions& options, const std::vector<std::string>& instruments) {
  return std::visit([&](const auto& o) { return make(o, instruments); }, options);
}

}  // namespace quantick::strategy
