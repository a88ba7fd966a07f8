// `quantick ops`: what the registries hold.
#include <cstdio>
#include <memory>
#include <string>

#include "quantick/cli/commands/list.h"
#include "quantick/features/registry.h"
#include "quantick/ops/docs.h"

namespace quantick::cli {
namespace {

int print_features() {
  for (const auto& row : features::feature_registry()) {
    std::fputs(fmt::format("{:<20} {}   e.g. {}\n", row.name, row.doc, row.example).c_str(), stdout);
    for (const auto& p : row.parameters)
      std::fputs(fmt::format("    {:<16} {} (default {})\n", p.name, p.doc, p.usual.empty() ? "\"\"" : p.usual).c_str(),
                 stdout);
  }
  return 0;
}

}  // namespace

Command ops_command() {
  return {"ops", "The registry: operators, or with --features the features of a run file", [](Options& options) {
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
