#include "quantick/bindings/python/long_call.h"

#include <exception>

#include "quantick/core/interrupt.h"

namespace quantick::python {
namespace {

void on_interrupt(int) { quantick::request_interrupt(); }

/// A long call stands on the main thread already: a callback of a training, say, that predicts. What it is asked to end
/// stays asked.
bool under_way = false;

/// Python delivers signals to its main thread alone.
bool on_main_thread() {
  nanobind::object threading = nanobind::module_::import_("threading");
  return threading.attr("current_thread")().is(threading.attr("main_thread")());
}

/// Whether Ctrl-C means what Python means by it; a program with a handler of its own keeps it.
bool default_handler() {
  nanobind::object signal = nanobind::module_::import_("signal");
  return signal.attr("getsignal")(SIGINT).is(signal.attr("default_int_handler"));
}

}  // namespace

LongCall::LongCall()
    : handles_(on_main_thread() && !under_way && default_handler() && [this] {
        clear_interrupt();
        struct sigaction mine {};
        mine.sa_handler = on_interrupt;
        sigemptyset(&mine.sa_mask);
        under_way = sigaction(SIGINT, &mine, &before_) == 0;
        return under_way;
      }()) {}

LongCall::~LongCall() {
  if (!handles_) return;
  sigaction(SIGINT, &before_, nullptr);
  under_way = false;
  // Work that does not poll has run to its end: hand Ctrl-C on to Python.
  if (interrupt_requested() && std::uncaught_exceptions() == 0) PyErr_SetInterrupt();
  clear_interrupt();
}

}  // namespace quantick::python
