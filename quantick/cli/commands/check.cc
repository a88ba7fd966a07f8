// `quantick check bits`, `quantick check states` and `quantick check golden FILE`.
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "quantick/cli/commands/list.h"
#include "quantick/core/cpu.h"
#include "quantick/core/error.h"
#include "quantick/runtime/equality.h"
#include "quantick/runtime/golden.h"
#include "quantick/runtime/state_width.h"

namespace quantick::cli {
namespace {

struct CheckOptions {
  runtime::EqualityOptions bits;
  int64_t seeds = 4;
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

/// Decibels by which a column may miss its reference: the random layers are others.
constexpr double kStateTolerance = 2;

int check_states(const CheckOptions& options) {
  const auto rows = runtime::measure_state_widths(options.seeds);
  bool passed = true;
  nlohmann::ordered_json doc;
  doc["half_lives"] = runtime::kHalfLives;
  if (!options.json) {
    print("SQNR in dB: measured, reference, difference, by the half-life of the state in steps\n");
    std::string head = fmt::format("{:<28}", "");
    for (const int steps : runtime::kHalfLives) head += fmt::format("{:>20}", steps);
    print(head + "\n");
  }
  for (const auto& row : rows) {
    passed &= row.largest_difference() <= kStateTolerance;
    std::string line = fmt::format("{:<28}", row.name);
    for (size_t i = 0; i < row.measured.size(); ++i)
      line += fmt::format("{:>9.1f}{:>5.0f}{:>+6.1f}", row.measured[i], row.reference[i], row.difference(i));
    if (options.json)
      doc["rows"].push_back({{"name", row.name}, {"measured", row.measured}, {"reference", row.reference}});
    else
      print(line + "\n");
  }
  doc["passed"] = passed;
  if (options.json)
    print(doc.dump(2) + "\n");
  else
    print(fmt::format("{} columns, {} layers each: {}\n", rows.size(), options.seeds,
                      passed ? "all within 2 dB (0 stands for 0 dB and below)" : "MORE THAN 2 dB OFF"));
  return passed ? 0 : 1;
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
            Options& states = options.subcommand(
                "states", "What narrow states and gates cost: SQNR by half-life, exit 1 where one is off by over 2 dB",
                [chosen] { return check_states(*chosen); });
            states.option("--seeds", chosen->seeds, "random layers averaged");
            states.flag("--json", chosen->json, "print JSON");
            states.footer("Example:\n  quantick check states");
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
