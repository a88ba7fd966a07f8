#pragma once
// Python's lock, given up while C++ computes.
#include <nanobind/nanobind.h>
#include <unistd.h>

namespace quantick::python {

/// Releases Python's lock for its lifetime.
///
/// A daemon thread that asks for the lock while the interpreter ends is stopped there: before Python 3.14 by
/// pthread_exit(), whose unwinding the C++ frames above do not bear, so that the process would abort. It sleeps until
/// the process is gone instead, which is what Python 3.14 does.
class Unlocked {
 public:
  Unlocked() : state_(PyEval_SaveThread()) {}
  ~Unlocked() {
    try {
      PyEval_RestoreThread(state_);
    } catch (...) {
      for (;;) pause();
    }
  }
  Unlocked(const Unlocked&) = delete;
  Unlocked& operator=(const Unlocked&) = delete;

 private:
  PyThreadState* state_;
};

/// f() without Python's lock.
template <class F>
auto unlocked(F&& f) {
  const Unlocked released;
  return f();
}

}  // namespace quantick::python
