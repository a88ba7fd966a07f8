#pragma once
// Python's lock, given up while C++ computes, and taken back for what Python wrote.
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

/// Holds Python's lock for its lifetime, on a thread that may have given it up; sleeps as above.
class Locked {
 public:
  Locked() : state_(taken()) {}
  ~Locked() { PyGILState_Release(state_); }
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;

 private:
  static PyGILState_STATE taken() {
    try {
      return PyGILState_Ensure();
    } catch (...) {
      for (;;) pause();
    }
  }

  PyGILState_STATE state_;
};

/// f() without Python's lock.
template <class F>
auto unlocked(F&& f) {
  const Unlocked released;
  return f();
}

}  // namespace quantick::python
