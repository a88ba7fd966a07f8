// The command line program, for `python -m quantick` and the script that pip installs.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "quantick/bindings/python/module.h"
#include "quantick/bindings/python/unlocked.h"
#include "quantick/cli/command.h"
#include "quantick/core/error.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace quantick::python {
namespace {

int run_program(const std::vector<std::string>& words) {
  QTK_CHECK(!words.empty(), ValueError, "[program] words, were none, expected the program's name first");
  std::vector<const char*> argv;
  for (const std::string& word : words) argv.push_back(word.c_str());
  argv.push_back(nullptr);
  const Unlocked released;
  return cli::run_program(static_cast<int>(words.size()), argv.data());
}

}  // namespace

void bind_program(nb::module_& m) {
  m.def("run_program", &run_program, "words"_a,
        "Runs the command line program on its words, its own name first; returns its exit status. It prints, and keeps "
        "Ctrl-C for itself: meant for a process of its own.");
}

}  // namespace quantick::python
