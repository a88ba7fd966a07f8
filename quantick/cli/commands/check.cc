// `quantick check bits`, `check states`, `check golden FILE` and `check lookahead MODEL`.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "quantick/autograd/autograd.h"
#include "quantick/cli/commands/list.h"
#include "quantick/cli/pipeline/model_stage.h"
#include "quantick/cli/pipeline/network.h"
#include "quantick/cli/pipeline/zoo_programs.h"
#include "quantick/core/cpu.h"
#include "quantick/core/error.h"
#include "quantick/core/rng.h"
#include "quantick/runtime/causality.h"
#include "quantick/runtime/equality.h"
#include "quantick/runtime/golden.h"
#include "quantick/runtime/model_file.h"
#include "quantick/runtime/random_program.h"
#include "quantick/runtime/state_width.h"

namespace quantick::cli {
namespace {

struct CheckOptions {
  runtime::EqualityOptions bits;
  int64_t seeds = 4;
  bool json = false;
  std::string file;
  int64_t lookahead_steps = 64, lookahead_rows = 5;
};

void print(const std::string& text) { std::fputs(text.c_str(), stdout); }

/// Networks compute this many times what one operator does.
constexpr int64_t kOutputsPerNetwork = 1000;

int check_bits(const CheckOptions& options) {
  auto rows = runtime::run_equality_checks(options.bits);
  runtime::EqualityOptions whole = options.bits;
  whole.outputs = std::max<int64_t>(1, whole.outputs / kOutputsPerNetwork);
  for (const auto& [name, program] : zoo_programs(options.bits.seed))
    for (auto& row : runtime::check_equality(name, program, whole)) rows.push_back(std::move(row));
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

constexpr uint64_t kLookaheadSeed = 1;
constexpr int64_t kLookaheadInstruments = 7;

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

/// What the model gives, and what its steps see inside its window: a bidirectional layer before the newest step is
/// picked sees later steps of a window that ends in the present, which is no look-ahead, but forbids carried state.
struct Lookahead {
  std::string model;
  runtime::CausalityResult output, inside;
};

Lookahead program_lookahead(const std::string& path, const CheckOptions& options) {
  const runtime::Program program = runtime::load(path);
  const runtime::Session session(program);
  const Array x = runtime::random_input(program, options.lookahead_steps, options.lookahead_rows, kLookaheadSeed);
  Lookahead out{path, runtime::check_causality(session, x, kLookaheadSeed), {}};
  if (!program.input().sequence) return out;
  for (size_t v = 0; v < program.values.size(); ++v)
    if (program.values[v].sequence)
      out.inside += runtime::check_causality([&](const Array& input) { return session.run_all_codes(input)[v]; }, x,
                                             {.seed = kLookaheadSeed});
  return out;
}

Lookahead network_lookahead(const RunConfig& config, const CheckOptions& options) {
  const auto features = static_cast<int64_t>(config.dataset.features.size());
  const auto net = make_network(config, features);
  const bool trained = std::filesystem::exists(network_path(config));
  if (trained) net->load_parameters(network_path(config));
  const bool sequence_in = !sees_whole_dates(config);  // a sample that is a whole date has no time axis
  Shape shape = input_shape(config, features, kLookaheadInstruments);
  if (sequence_in) shape[0] = options.lookahead_steps;
  shape[sequence_in ? 1 : 0] = options.lookahead_rows;
  std::vector<float> values(static_cast<size_t>(shape.size()));
  const Key key = Key(kLookaheadSeed).fold("lookahead");
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(key.normal(i));
  const Array x = Array::from(values, shape);

  Lookahead out{trained ? network_path(config) : config.model.name + " as it starts training", {}, {}};
  for (size_t blocks = 1; blocks <= net->size(); ++blocks) {
    const auto model = [&](const Array& input) {
      const autograd::Pause pause;
      Array y = input;
      for (size_t i = 0; i < blocks; ++i) y = (*net)[i](y);
      return y;
    };
    const bool sequence = sequence_in && model(x).ndim() == shape.ndim();
    const auto result = runtime::check_causality(
        model, x, {.sequence_in = sequence_in, .sequence_out = sequence, .seed = kLookaheadSeed});
    if (sequence) out.inside += result;
    if (blocks == net->size()) out.output = result;
  }
  return out;
}

int check_lookahead(const CheckOptions& options) {
  QTK_CHECK(options.lookahead_steps >= 2 && options.lookahead_rows >= 2, ValueError,
            "[check lookahead] steps and rows, were {} and {}, expected at least 2 of each", options.lookahead_steps,
            options.lookahead_rows);
  std::vector<Lookahead> results;
  if (options.file.ends_with(".yaml") || options.file.ends_with(".yml")) {
    const RunConfig config = read_run_config(options.file);
    results.push_back(network_lookahead(config, options));
    if (std::filesystem::exists(model_path(config))) results.push_back(program_lookahead(model_path(config), options));
  } else {
    results.push_back(program_lookahead(options.file, options));
  }
  bool causal = true;
  nlohmann::ordered_json doc;
  const auto numbers = [](const runtime::CausalityResult& r) -> nlohmann::ordered_json {
    return {{"compared", r.compared},
            {"truncated", r.truncated},
            {"later_step", r.later_step},
            {"batch_companions", r.batch_companions}};
  };
  for (const Lookahead& r : results) {
    causal &= r.output.causal();
    doc["models"].push_back({{"model", r.model}, {"output", numbers(r.output)}, {"inside", numbers(r.inside)}});
    if (options.json) continue;
    print(fmt::format("{}: output: {}\n", r.model, r.output.text()));
    if (r.inside.compared > 0)
      print(fmt::format("{}: steps inside the window: {}{}\n", r.model, r.inside.text(),
                        r.inside.causal() ? "" : "; run it by windows, its state cannot be carried"));
  }
  doc["causal"] = causal;
  if (options.json) print(doc.dump(2) + "\n");
  return causal ? 0 : 1;
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
            Options& lookahead = options.subcommand(
                "lookahead",
                "Cuts the future off and changes the other rows of a batch: no output may change, exit 1 if one does",
                [chosen] { return check_lookahead(*chosen); });
            lookahead.positional("model", chosen->file,
                                 "a program (model.qtk), or a run file: its network, as trained where it is, and its "
                                 "program");
            lookahead.option("--steps", chosen->lookahead_steps, "steps of the random input");
            lookahead.option("--rows", chosen->lookahead_rows, "rows of its batch");
            lookahead.flag("--json", chosen->json, "print JSON");
            lookahead.footer("Example:\n  quantick check lookahead out/us_daily/model.qtk");
            golden.footer("Example:\n  quantick check golden tests/golden/contract_v1.json");
            return {};
          }};
}

}  // namespace quantick::cli
