// Losses, optimizers and schedules of the optim room by class name: quantick.gluon.loss, quantick.optimizer and
// quantick.lr_scheduler give them their classes.
#include <nanobind/stl/shared_ptr.h>

#include <memory>

#include "quantick/bindings/python/casters.h"
#include "quantick/bindings/python/module.h"
#include "quantick/bindings/python/unlocked.h"
#include "quantick/optim/loss.h"
#include "quantick/optim/optimizer.h"
#include "quantick/optim/schedule.h"
#include "quantick/train/metrics.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace quantick::python {
namespace {

using ArraySequence = nb::typed<nb::iterable, Array>;

std::vector<double> column_of(nb::handle value) {
  return array_of(value).astype(DType::f64).contiguous().to_vector<double>();
}

void bind_losses(nb::module_& m) {
  nb::class_<optim::Loss>(m, "CoreLoss", "A loss of the core; what train.fit runs without Python.")
      .def(
          "__call__",
          [](const optim::Loss& self, nb::handle prediction, nb::handle label, nb::handle weight,
             const std::vector<int64_t>& groups) {
            const Array x = array_of(prediction), y = array_of(label);
            const Array w = weight.is_none() ? Array() : array_of(weight);
            const Unlocked released;
            return self(x, y, w, groups);
          },
          "prediction"_a, "label"_a, "sample_weight"_a = nb::none(), "groups"_a = std::vector<int64_t>())
      .def_prop_ro("kind", &optim::Loss::kind)
      .def_prop_ro("per_group", &optim::Loss::per_group);
  m.def(
      "make_loss",
      [](const std::string& name, const nb::typed<nb::dict, nb::str, nb::any>& keywords) {
        return std::shared_ptr(optim::make_loss(name, attributes_of(keywords)));
      },
      "name"_a, "keywords"_a);
  m.def("loss_names", &optim::loss_names);
}

/// Python's lock stays held: two threads may step one optimizer, and a step is short.
void step(optim::Optimizer& self, const ArraySequence& parameters, const ArraySequence& gradients, double rate) {
  Arrays weights = arrays_of(parameters);
  self.step(weights, arrays_of(gradients), rate);
}

void bind_optimizers(nb::module_& m) {
  nb::class_<optim::Optimizer>(m, "CoreOptimizer", "An optimizer of the core with its states.")
      .def("step", &step, "parameters"_a, "gradients"_a, "learning_rate"_a,
           "One step on all parameters, in place; always the same ones in the same order.")
      .def_prop_ro("steps", &optim::Optimizer::steps)
      .def_prop_ro("learning_rate", &optim::Optimizer::learning_rate)
      .def_prop_ro("kind", &optim::Optimizer::kind)
      .def_prop_ro("state_names", &optim::Optimizer::state_names)
      .def_prop_ro("states", &optim::Optimizer::states, "One list per parameter, in the order of state_names.")
      .def("restore", &optim::Optimizer::restore, "steps"_a, "states"_a);
  m.def(
      "make_optimizer",
      [](const std::string& name, const nb::typed<nb::dict, nb::str, nb::any>& keywords) {
        return std::shared_ptr(optim::make_optimizer(name, attributes_of(keywords)));
      },
      "name"_a, "keywords"_a);
  m.def("optimizer_names", &optim::optimizer_names);
  m.def(
      "clip_global_norm",
      [](const ArraySequence& arrays, double max_norm) {
        Arrays held = arrays_of(arrays);
        return optim::clip_global_norm(held, max_norm);
      },
      "arrays"_a, "max_norm"_a, "Scales all arrays in place to a global norm of at most max_norm; returns it before.");
}

void bind_schedules(nb::module_& m) {
  nb::class_<optim::Schedule>(m, "CoreSchedule", "Learning rates by update number, from 1 on.")
      .def("__call__", &optim::Schedule::operator(), "update"_a, "optimizer_rate"_a)
      .def_prop_ro("kind", &optim::Schedule::kind);
  m.def(
      "make_schedule",
      [](const std::string& name, const nb::typed<nb::dict, nb::str, nb::any>& keywords) {
        return std::shared_ptr(optim::make_schedule(name, attributes_of(keywords)));
      },
      "name"_a, "keywords"_a);
  m.def("schedule_names", &optim::schedule_names);
}

void bind_correlations(nb::module_& m) {
  m.def(
      "pearson", [](nb::handle a, nb::handle b) { return train::pearson(column_of(a), column_of(b)); }, "a"_a, "b"_a,
      "Pearson's correlation; NaN for fewer than three pairs or a constant side.");
  m.def(
      "spearman", [](nb::handle a, nb::handle b) { return train::spearman(column_of(a), column_of(b)); }, "a"_a, "b"_a,
      "Pearson's correlation of the ranks; ties get their mean rank.");
}

}  // namespace

void bind_optim(nb::module_& m) {
  bind_losses(m);
  bind_optimizers(m);
  bind_schedules(m);
  bind_correlations(m);
}

}  // namespace quantick::python
