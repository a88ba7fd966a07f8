#include "quantick/bindings/python/module.h"

namespace nb = nanobind;
using namespace nb::literals;

NB_MODULE(_core, m) {
  using namespace quantick::python;
  m.doc() = "The C++ core of quantick. Import the package's modules instead.";
  m.attr("__version__") = QTK_VERSION;
  // The library never prints: objects that outlive the interpreter (a daemon thread's) are named only where asked.
  nb::set_leak_warnings(false);
  m.def("report_leaks", &nb::set_leak_warnings, "active"_a,
        "Whether objects still alive at the end are named on stderr.");
  bind_errors(m);
  bind_array(m);
  bind_operators(m);
  bind_autograd(m);
  bind_graph(m);
  bind_nn(m);
  bind_optim(m);
  bind_train(m);
  bind_runtime(m);
  bind_quant(m);
  bind_data(m);
  bind_samples(m);
  bind_program(m);
  bind_refusals(m);
}
