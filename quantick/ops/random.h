#pragma once
// Random numbers of operators such as dropout. Each call takes the next key of the thread's stream, so that imperative
// and cached-graph runs under one scope draw the same numbers, and a resumed training opens the same scopes again.
#include "quantick/core/rng.h"

namespace quantick {

/// Starts a fresh stream on this thread for a scope: RandomScope(Key(seed).fold("dropout").fold(step)). The outer
/// stream goes on afterwards where it was. Without any scope a thread draws from Key(0).
class RandomScope {
 public:
  explicit RandomScope(const Key& key);
  ~RandomScope();
  RandomScope(const RandomScope&) = delete;
  RandomScope& operator=(const RandomScope&) = delete;

 private:
  Key outer_;
  uint64_t outer_calls_;
};

/// The stream's key folded with the number of calls so far.
Key next_random_key();

}  // namespace quantick
