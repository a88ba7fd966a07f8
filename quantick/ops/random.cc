#include "quantick/ops/random.h"

#include <utility>

namespace quantick {
namespace {

struct Stream {
  Key key{0};
  uint64_t calls = 0;
};

thread_local Stream stream;

}  // namespace

RandomScope::RandomScope(const Key& key)
    : outer_(std::exchange(stream.key, key)), outer_calls_(std::exchange(stream.calls, 0)) {}

RandomScope::~RandomScope() { stream = {outer_, outer_calls_}; }

Key next_random_key() { return stream.key.fold(stream.calls++); }

}  // namespace quantick
