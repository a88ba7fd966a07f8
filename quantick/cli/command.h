#pragma once
// Commands of the program: one file each in commands/, listed in commands/list.cc.
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace quantick::cli {

/// Declares what a command takes, so that the argument parser's heavy header stays in one file.
class Options {
 public:
  virtual ~Options() = default;
  virtual void positional(const std::string& name, std::string& value, const std::string& help,
                          bool required = true) = 0;
  virtual void option(const std::string& name, std::string& value, const std::string& help) = 0;
  virtual void option(const std::string& name, int64_t& value, const std::string& help) = 0;
  virtual void option(const std::string& name, double& value, const std::string& help) = 0;
  virtual void flag(const std::string& name, bool& value, const std::string& help) = 0;
  /// A command within this one (`check bits`).
  virtual Options& subcommand(const std::string& name, const std::string& summary, std::function<int()> run) = 0;
  /// What `--help` says after the options: examples.
  virtual void footer(const std::string& text) = 0;
};

struct Command {
  std::string name;
  std::string summary;
  /// Declares the options and returns what runs the command (exit status); empty where only subcommands run.
  std::function<std::function<int()>(Options&)> declare;
};

const std::vector<Command>& commands();

/// Parses the arguments, runs the command, and turns exceptions into one line on stderr. Exit status: 0 success, 1 a
/// check failed or the input is bad, 2 wrong usage, 130 interrupted.
int run_program(int argc, const char* const* argv);

}  // namespace quantick::cli
