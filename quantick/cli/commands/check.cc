// `quantick check bits` and `quantick check golden FILE`.
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "quantick/cli/commands/list.h"
#include "quantick/core/cpu.h"
#include "quantick/core/error.h"
#include "quantick/runtime/equality.h"
#include "quantick/runtime/golden.h"

namespace quantick::cli {
namespace {

struct CheckOptions {
  runtime::EqualityOptions bits;
  bool json = false;
  std::string file;
};

void print(const std::string& text) { std::fputs(text.c_str(), stdout); }

int check_bits(const CheckOptions& options) {
  const auto rows = runtime::run_equality_checks(options.bits);
  int64_t differing = 0;
  nlohmann::ordered_json doc;
  doc["processor"] = cpu_model();
  for (const auto& row : rows) {
    differing += row.differing_bits;
    if (options.json)
      doc["rows"].push_back({{"name", row.name}, {"outputs", row.outputs}, {"differing_bits", row.differing_bits}});
    else
      print(fmt::format("{:<64} {:>12} outputs {:>6} bits differ\n", row.name, row.outputs, row.differing_bits));
  }
  if (options.json)
    print(doc.dump(2) + "\n");
  else
    print(fmt::format("{} rows on {}: {}\n", rows.size(), cpu_model(), differing == 0 ? "all equal" : "DIFFERENT"));
  return differing == 0 ? 0 : 1;
}

int check_golden_file(const CheckOptions& options) {
  const auto report = runtime::check_golden(options.file);
  nlohmann::ordered_json doc{{"path", report.path}, {"cases", report.cases}};
  for (const auto& r : report.results) {
    if (options.json)
      doc["results"].push_back(
          {{"case", r.index}, {"kind", r.kind}, {"isa", r.isa}, {"compared", r.compared}, {"differing", r.differing}});
    else if (r.differing > 0)
      print(fmt::format("case {} ({}) on {}: {} of {} outputs differ\n", r.index, r.kind, r.isa, r.differing,
                        r.compared));
  }
  for (const auto& r : report.refused) {
    if (options.json)
      doc["refused"].push_back({{"case", r.index}, {"kind", r.kind}, {"reason", r.reason}});
    else
      print(fmt::format("case {} ({}) refused: {}\n", r.index, r.kind, r.reason));
  }
  doc["run"] = report.run();
  doc["passed"] = report.passed();
  if (options.json)
    print(doc.dump(2) + "\n");
  else
    print(fmt::format("{}: {} of {} cases run, {} values compared, {} differ: {}\n", report.path, report.run(),
                      report.cases, report.compared(), report.differing(), report.verdict()));
  return report.passed() ? 0 : 1;
}

}  // namespace

Command check_command() {
  return {"check", "Checks of the numerics contract on this machine", [](Options& options) -> std::function<int()> {
            auto chosen = std::make_shared<CheckOptions>();
            Options& bits =
                options.subcommand("bits", "What must be equal, is equal: a line per row, exit 1 on any difference",
                                   [chosen] { return check_bits(*chosen); });
            bits.option("--outputs", chosen->bits.outputs, "random outputs compared in each Dense row, at least");
            bits.option("--steps", chosen->bits.lstm_steps, "steps run in each LSTM row, at least");
            bits.flag("--json", chosen->json, "print JSON");
            bits.footer("Example:\n  quantick check bits --outputs 1000000 --steps 100000");
            Options& golden =
                options.subcommand("golden", "Runs a file of golden vectors through every instruction set",
                                   [chosen] { return check_golden_file(*chosen); });
            golden.positional("file", chosen->file, "JSON in the form of tests/golden/contract_v1.json");
            golden.flag("--json", chosen->json, "print JSON");
            golden.footer("Example:\n  quantick check golden tests/golden/contract_v1.json");
            return {};
          }};
}

}  // namespace quantick::cli
