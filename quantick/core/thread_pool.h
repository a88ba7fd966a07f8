#pragma once
// A fixed-partition thread pool. Work is cut into chunks by the caller, from the problem's size alone, so that results
// have the same bits for any number of threads; which thread runs a chunk is never visible in a result.
#include <cstdint>
#include <functional>

#include "quantick/core/error.h"

namespace quantick {

/// Threads that parallel_for uses, the caller included. First value: QTK_THREADS, else the processor's core count.
int thread_count();

/// Changes thread_count() from the next parallel_for on. Throws ValueError outside 1..256. Call from one thread only.
void set_thread_count(int count);

/// Runs body(chunk) once for each chunk in [0, chunks), and returns when all are done. An exception of the lowest
/// failing chunk is rethrown here. Calls from inside a chunk run serially. May be called from any thread. Chunks run
/// in the default floating-point mode (core/float_mode.h), whatever the caller's is.
void parallel_for(int64_t chunks, const std::function<void(int64_t chunk)>& body);

/// Cuts [0, size) into ranges of `grain` > 0 and runs body(begin, end) for each, in parallel.
inline void parallel_ranges(int64_t size, int64_t grain, const std::function<void(int64_t, int64_t)>& body) {
  QTK_ASSERT(grain > 0);
  const int64_t chunks = (size + grain - 1) / grain;
  parallel_for(chunks, [&](int64_t c) { body(c * grain, c + 1 == chunks ? size : (c + 1) * grain); });
}

}  // namespace quantick
