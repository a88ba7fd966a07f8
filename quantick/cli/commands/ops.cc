// `quantick ops`: what the registries hold.
#include <cstdio>
#include <memory>
#include <span>
#include <string>

#include "quantick/cli/commands/list.h"
#include "quantick/features/registry.h"
#include "quantick/features/ticks/tick_registry.h"
#include "quantick/ops/docs.h"

namespace quantick::cli {
namespace {

template <class Row>
void print_rows(std::span<const Row> rows) {
  for (const auto& row : rows) {
    std::fputs(fmt::format("{:<20} {}   e.g. {}\n", row.name, row.doc, row.example).c_str(), stdout);
    for (const auto& p : row.parameters)
      std::fputs(fmt::format("    {:<16} {} (default {})\n", p.name, p.doc, p.usual.empty() ? "\"\"" : p.usual).c_str(),
                 stdout);
  }
}

int print_features() {
  std::fputs("Of bars:\n", stdout);
  print_rows(features::feature_registry());
  std::fputs("\nOf ticks:\n", stdout);
  print_rows(features::tick_feature_registry());
  return 0;
}

}  // namespace

Command ops_command() {
  return {"ops", "The registry: operators, or with --features the features of bars and of ticks", [](Options& options) {
            auto features = std::make_shared<bool>(false);
            options.flag("--features", *features, "list features instead of operators");
            return [features] {
              if (*features) return print_features();
              std::fputs(operators_markdown().c_str(), stdout);
              return 0;
            };
          }};
}

}  // namespace quantick::cli
