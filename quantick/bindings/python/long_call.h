#pragma once
// Calls that take longer than a person waits: other Python threads run meanwhile, and Ctrl-C ends the call.
#include <nanobind/nanobind.h>

#include <csignal>

#include "quantick/bindings/python/unlocked.h"

namespace quantick::python {

/// Releases Python's lock for its lifetime. On the main thread Ctrl-C sets the core's interrupt flag, which long work
/// polls (core/interrupt.h), so that the call ends with KeyboardInterrupt after it has saved what it saves.
class LongCall {
 public:
  LongCall();
  ~LongCall();
  LongCall(const LongCall&) = delete;
  LongCall& operator=(const LongCall&) = delete;

 private:
  // In this order: the handler fills before_, and the lock is released last.
  struct sigaction before_ {};
  bool handles_ = false;
  Unlocked released_;
};

}  // namespace quantick::python
