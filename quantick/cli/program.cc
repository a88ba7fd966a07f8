#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <memory>

#include "quantick/cli/command.h"
#include "quantick/core/env.h"
#include "quantick/core/error.h"
#include "quantick/core/fields.h"
#include "quantick/core/interrupt.h"
#include "quantick/core/log.h"

namespace quantick::cli {
namespace {

class CliOptions : public Options {
 public:
  CliOptions(CLI::App& app, std::function<int()>& chosen) : app_(app), chosen_(chosen) {}

  void positional(const std::string& name, std::string& value, const std::string& help, bool required) override {
    app_.add_option(name, value, help)->required(required);
  }
  void option(const std::string& name, std::string& value, const std::string& help) override {
    app_.add_option(name, value, help)->capture_default_str();
  }
  void option(const std::string& name, int64_t& value, const std::string& help) override {
    app_.add_option(name, value, help)->capture_default_str();
  }
  void option(const std::string& name, double& value, const std::string& help) override {
    app_.add_option(name, value, help)->capture_default_str();
  }
  void flag(const std::string& name, bool& value, const std::string& help) override {
    app_.add_flag(name, value, help);
  }
  Options& subcommand(const std::string& name, const std::string& summary, std::function<int()> run) override {
    CLI::App* app = app_.add_subcommand(name, summary);
    app_.require_subcommand(1);
    app->callback([this, run] { chosen_ = run; });
    children_.push_back(std::make_unique<CliOptions>(*app, chosen_));
    return *children_.back();
  }
  void footer(const std::string& text) override { app_.footer(text); }

 private:
  CLI::App& app_;
  std::function<int()>& chosen_;
  std::vector<std::unique_ptr<CliOptions>> children_;
};

extern "C" void on_interrupt(int) { request_interrupt(); }

void print_log(LogLevel level, std::string_view text) {
  static const LogLevel least = [] {
    const std::string wanted = environment("QTK_LOG").value_or("info");
    for (LogLevel l : {LogLevel::error, LogLevel::warning, LogLevel::info, LogLevel::debug})
      if (log_level_name(l) == wanted) return l;
    fail<ValueError>("[log] QTK_LOG, was \"{}\", expected error, warning, info or debug", wanted);
  }();
  if (level > least) return;
  if (level == LogLevel::info)
    std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());
  else
    std::fprintf(stderr, "%s: %.*s\n", std::string(log_level_name(level)).c_str(), static_cast<int>(text.size()),
                 text.data());
}

}  // namespace

int run_program(int argc, const char* const* argv) {
  CLI::App app{"Quantick: from market data to a fixed-bits int8 model, its backtest and its live runtime."};
  app.set_version_flag("--version", "quantick " QTK_VERSION);
  app.require_subcommand(1);
  app.footer(
      "Start here:\n"
      "  quantick run examples/us_daily.yaml      data -> training -> int8 -> backtest -> report.html\n"
      "  quantick COMMAND --help                  what a command takes, with examples");
  std::function<int()> chosen;
  std::vector<std::unique_ptr<CliOptions>> declared;
  for (const Command& command : commands()) {
    CLI::App* sub = app.add_subcommand(command.name, command.summary);
    declared.push_back(std::make_unique<CliOptions>(*sub, chosen));
    const auto run = command.declare(*declared.back());
    if (run) sub->callback([&chosen, run] { chosen = run; });
  }
  if (argc > 1 && argv[1][0] != '-') {
    std::vector<std::string> names;
    for (const Command& command : commands()) names.push_back(command.name);
    if (std::find(names.begin(), names.end(), argv[1]) == names.end()) {
      const std::string near = nearest_name(argv[1], names);
      std::fprintf(stderr, "quantick: unknown command \"%s\"%s; `quantick --help` lists them\n", argv[1],
                   near.empty() ? "" : (", did you mean \"" + near + "\"?").c_str());
      return 2;
    }
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  std::signal(SIGINT, on_interrupt);
  try {
    set_log_sink(print_log);
    const int status = chosen();
    QTK_CHECK(std::fflush(stdout) == 0, IoError, "standard output: cannot write (is the disk full?)");
    return status;
  } catch (const InterruptedError& error) {
    std::fprintf(stderr, "quantick: %s\n", error.what());
    return 130;
  } catch (const Error& error) {
    std::fprintf(stderr, "quantick: %s\n", error.what());
    return 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "quantick: unexpected: %s\n", error.what());
    return 1;
  }
}

}  // namespace quantick::cli
