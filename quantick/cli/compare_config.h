#pragma once
// The file of `quantick compare`: models x data sets, each pair a run file of its own.
#include <string>
#include <vector>

#include "quantick/cli/run_config.h"

namespace quantick::cli {

/// One model on one data set.
struct ComparePair {
  std::string data_set, model;
  RunConfig run;
};

struct CompareConfig {
  std::string name, output;
  std::vector<ComparePair> pairs;  ///< all models of a data set side by side
};

/// Reads and checks the file and every pair of it. Throws IoError and ParseError.
CompareConfig read_compare_config(const std::string& path);

/// Text for `quantick compare --help`.
std::string compare_config_help();

}  // namespace quantick::cli
