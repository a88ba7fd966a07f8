// Samples of prices as a training takes them.
#include <nanobind/nanobind.h>
#include <nanobind/stl/unique_ptr.h>

#include "quantick/bindings/python/module.h"
#include "quantick/cli/pipeline/samples.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace quantick::python {

void bind_samples(nb::module_& m) {
  nb::class_<cli::Samples, train::Dataset>(m, "Samples", "Windows of a WindowDataset, grouped by day.");
  m.def(
      "samples_of",
      [](const features::WindowDataset& dataset, const features::SampleList& list) {
        return cli::make_samples(cli::RunConfig(), dataset, list);
      },
      "dataset"_a, "list"_a, nb::keep_alive<0, 1>(), nb::keep_alive<0, 2>(),
      "The samples of the list, numbered from 0, for train.fit and train.predict; nothing is copied.");
}

}  // namespace quantick::python
