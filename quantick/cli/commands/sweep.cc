// `quantick sweep`: many strategies and costs on one set of scores, in one table that says what the best is worth.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>

#include "quantick/cli/commands/list.h"
#include "quantick/cli/json_number.h"
#include "quantick/cli/pipeline/data_stage.h"
#include "quantick/cli/sweep_config.h"
#include "quantick/cli/version.h"
#include "quantick/core/error.h"
#include "quantick/core/file.h"
#include "quantick/core/hash.h"
#include "quantick/core/log.h"
#include "quantick/core/thread_pool.h"

namespace quantick::cli {
namespace {

struct SweepCommandOptions {
  std::string file, scores;
  int64_t top = 10;
};

struct Sweep {
  SweepConfig config;
  std::string scores_path, data_hash;
  backtest::SweepResult result;
  std::vector<std::string> refused;  ///< settings that the strategy does not take, with its reason
  double seconds = 0;                ///< of the backtests alone
};

std::string text_of(const SweepChoice& choice) {
  std::string out;
  for (const auto& [key, value] : choice.chosen) out += out.empty() ? value : fmt::format(" {}={}", key, value);
  return out;
}

/// Leaves out the settings that no universe of this size allows, such as n_drop above k.
void drop_refused(Sweep& sweep, const std::vector<std::string>& instruments) {
  std::vector<SweepChoice> kept;
  for (SweepChoice& choice : sweep.config.choices) {
    try {
      strategy::make_strategy(choice.setting.strategy, instruments);
      kept.push_back(std::move(choice));
    } catch (const ValueError& error) {
      sweep.refused.push_back(text_of(choice) + ": " + error.what());
    }
  }
  sweep.config.choices = std::move(kept);
  QTK_CHECK(!sweep.config.choices.empty(), ValueError, "[sweep] no setting is possible; the first: {}",
            sweep.refused.front());
  if (!sweep.refused.empty())
    log(LogLevel::warning, fmt::format("{} settings are impossible and left out (sweep.json lists them); the first: {}",
                                       sweep.refused.size(), sweep.refused.front()));
}

nlohmann::ordered_json json_of(const backtest::SweepRow& row) {
  return {{"sharpe", number_or_null(row.sharpe)},
          {"sharpe_low", number_or_null(row.sharpe_low)},
          {"sharpe_high", number_or_null(row.sharpe_high)},
          {"deflated_sharpe", number_or_null(row.deflated_sharpe)},
          {"annual_return", number_or_null(row.annual_return)},
          {"annual_volatility", number_or_null(row.annual_volatility)},
          {"max_drawdown", number_or_null(row.max_drawdown)},
          {"turnover", row.turnover},
          {"costs", row.costs},
          {"trades", row.trades},
          {"blocked", row.blocked},
          {"ruined", row.ruined}};
}

/// sweep.json and sweep.csv: a row per setting in the order of the file, with the same numbers.
void write_results(const Sweep& sweep) {
  std::vector<std::string> keys;  // of the lists, as they come
  for (const SweepChoice& choice : sweep.config.choices)
    for (const auto& [key, value] : choice.chosen)
      if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
  const auto& r = sweep.result;
  nlohmann::ordered_json doc{{"name", sweep.config.file.name},
                             {"quantick_version", code_version()},
                             {"scores", sweep.scores_path},
                             {"scores_sha256", sha256_file(sweep.scores_path)},
                             {"data_sha256", sweep.data_hash},
                             {"observations", r.observations},
                             {"trials", r.trials},
                             {"expected_max_sharpe", number_or_null(r.expected_max_sharpe)},
                             {"best", r.best},
                             {"refused", sweep.refused},
                             {"seconds", sweep.seconds},
                             {"threads", thread_count()},
                             {"configuration", sweep.config.text}};
  std::string csv = fmt::format("{}", fmt::join(keys, ","));
  const auto titles = json_of({});
  for (const auto& item : titles.items()) csv += "," + item.key();
  csv += "\n";
  for (size_t i = 0; i < r.rows.size(); ++i) {
    const auto& chosen = sweep.config.choices[i].chosen;
    const auto metrics = json_of(r.rows[i]);
    nlohmann::ordered_json row;
    for (size_t k = 0; k < keys.size(); ++k) {
      const auto found = std::find_if(chosen.begin(), chosen.end(), [&](const auto& c) { return c.first == keys[k]; });
      csv += (k == 0 ? "" : ",") + (found == chosen.end() ? std::string() : found->second);
      if (found != chosen.end()) row[keys[k]] = found->second;
    }
    for (const auto& [key, value] : metrics.items()) {
      csv += "," + (value.is_null() ? std::string() : value.dump());
      row[key] = value;
    }
    csv += "\n";
    doc["rows"].push_back(std::move(row));
  }
  write_file(sweep.config.file.output + "/sweep.json", doc.dump(1) + "\n");
  write_file(sweep.config.file.output + "/sweep.csv", csv);
}

std::string table(const Sweep& sweep, int64_t top) {
  const auto& rows = sweep.result.rows;
  std::vector<size_t> order(rows.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::isfinite(rows[a].sharpe) && !(rows[a].sharpe <= rows[b].sharpe);
  });
  order.resize(std::min(order.size(), static_cast<size_t>(top)));
  size_t width = 7;
  for (const size_t i : order) width = std::max(width, text_of(sweep.config.choices[i]).size());
  std::string out = fmt::format("{:<{}} {:>8} {:>18} {:>9} {:>9} {:>9} {:>9} {:>9} {:>8}\n", "setting", width, "Sharpe",
                                "95 % if alone", "deflated", "return", "drawdown", "turnover", "costs/y", "trades");
  for (const size_t i : order) {
    const auto& row = rows[i];
    out += fmt::format("{:<{}} {:>8.3f} {:>18} {:>9.3f} {:>8.2f}% {:>8.2f}% {:>8.2f}% {:>8.2f}% {:>8}{}\n",
                       text_of(sweep.config.choices[i]), width, row.sharpe,
                       fmt::format("[{:.2f}, {:.2f}]", row.sharpe_low, row.sharpe_high), row.deflated_sharpe,
                       row.annual_return * 100, row.max_drawdown * 100, row.turnover * 100, row.costs * 100, row.trades,
                       row.ruined ? " ruined" : "");
  }
  return out;
}

std::string warning_text(const Sweep& sweep) {
  const auto& r = sweep.result;
  std::string out = fmt::format(
      "\n{} trials on the same {} bars. Of so many worthless settings that scatter as these do, the best alone would "
      "show a Sharpe ratio of {:.2f}.\n",
      r.trials, r.observations, r.expected_max_sharpe);
  if (r.best < 0) return out + "No setting has a Sharpe ratio.\n";
  if (std::isnan(r.expected_max_sharpe))
    return fmt::format(
        "\n{} trials on the same {} bars. How they scatter cannot be told from one: no deflated Sharpe ratio, and no "
        "claim. Sweep them together.\n",
        r.trials, r.observations);
  const auto& best = r.rows[static_cast<size_t>(r.best)];
  return out + fmt::format(
                   "The best shows {:.2f}; the probability that its true Sharpe ratio is above that level (deflated "
                   "Sharpe ratio) is {:.3f}. Its interval and its return\nare those of a winner picked afterwards: "
                   "expect less. Survivorship: {} Dividends: {} Splits: {}\n",
                   best.sharpe, best.deflated_sharpe, sweep.config.file.data.survivorship,
                   sweep.config.file.data.dividends, sweep.config.file.data.splits);
}

int run(const SweepCommandOptions& options) {
  QTK_CHECK(options.top >= 1, ValueError, "[sweep] --top, was {}, expected 1 or more", options.top);
  Sweep sweep{.config = read_sweep_config(options.file)};
  const SweepFile& file = sweep.config.file;
  QTK_CHECK(!options.scores.empty() || !file.scores.empty(), ValueError,
            "[sweep] no scores: give --scores, or a key \"scores\" in {}", options.file);
  sweep.scores_path = options.scores.empty() ? resolve_path(sweep.config.run, file.scores) : options.scores;
  log(LogLevel::info, fmt::format("Reading {} and {}", file.data.path, sweep.scores_path));
  const auto panel = read_prices(sweep.config.run);
  sweep.data_hash = panel.source.sha256;
  const auto prices = backtest::Prices::from_panel(panel);
  const backtest::BacktestInputs inputs(prices, strategy::read_scores(sweep.scores_path));
  drop_refused(sweep, inputs.instruments());
  std::vector<backtest::SweepSetting> settings;
  for (const SweepChoice& choice : sweep.config.choices) settings.push_back(choice.setting);
  log(LogLevel::info, fmt::format("{} settings on {} instruments and {} bars, {} threads", settings.size(),
                                  inputs.instruments().size(), inputs.bar_count(), thread_count()));
  const auto start = std::chrono::steady_clock::now();
  const auto seconds = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
  double shown = 0;
  int64_t finished = 0;
  const auto show = [&](int64_t done) {
    constexpr double kSecondsBetween = 2;
    finished = done;
    if (seconds() < shown + kSecondsBetween) return;
    shown = seconds();
    log(LogLevel::info, fmt::format("{} of {} settings, {:.0f} s left", done, settings.size(),
                                    shown / static_cast<double>(done) *
                                        static_cast<double>(static_cast<int64_t>(settings.size()) - done)));
  };
  try {
    sweep.result = backtest::run_sweep(
        inputs, settings, {.periods_per_year = file.periods_per_year, .trials_before = file.trials, .progress = show});
  } catch (const InterruptedError&) {
    fail<InterruptedError>("[sweep] stopped by the user after {} of {} settings; nothing was written", finished,
                           settings.size());
  }
  sweep.seconds = seconds();
  write_results(sweep);
  const auto per_hour = static_cast<double>(settings.size()) / sweep.seconds * 3600;
  std::fputs((table(sweep, options.top) + warning_text(sweep) +
              fmt::format("{} backtests in {:.2f} s on {} threads: {:.0f} per hour\nresults {}/sweep.csv, sweep.json\n",
                          settings.size(), sweep.seconds, thread_count(), per_hour, file.output))
                 .c_str(),
             stdout);
  return 0;
}

}  // namespace

Command sweep_command() {
  return {
      "sweep", "Many strategies and costs on one set of scores, and what the best of them is worth",
      [](Options& options) {
        auto chosen = std::make_shared<SweepCommandOptions>();
        options.positional("file", chosen->file, "sweep file (YAML)");
        options.option("--scores", chosen->scores, "CSV of scores in place of the file's");
        options.option("--top", chosen->top, "settings shown, best Sharpe ratio first; the files hold all");
        options.footer("Example:\n  quantick sweep examples/us_sweep.yaml --scores out/us_daily/scores_int8.csv\n\n" +
                       sweep_config_help());
        return [chosen] { return run(*chosen); };
      }};
}

}  // namespace quantick::cli
