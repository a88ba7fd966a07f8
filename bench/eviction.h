#pragma once
// Puts the process's memory out of the caches before a run.
#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

namespace quantick::bench {

enum class Cache {
  hot,      ///< as the run before left it
  evicted,  ///< a buffer of four times the second-level cache was read since: data come from the third level
  cold,     ///< every line of the process's memory and code was flushed: data come from memory
};
inline constexpr Cache kCaches[] = {Cache::hot, Cache::evicted, Cache::cold};
std::string_view cache_name(Cache cache);

class Eviction {
 public:
  Eviction();
  void apply(Cache cache);

 private:
  void read_buffer() noexcept;
  void find_memory();
  void flush_memory() noexcept;
  std::vector<char> buffer_;
  std::vector<std::pair<char*, char*>> memory_;  ///< what lies there now: begin and end
  unsigned sum_ = 0;
};

/// Bytes of a core's caches; 0 where the system does not say.
struct CacheSizes {
  long l1 = 0, l2 = 0, l3 = 0;
};
CacheSizes cache_sizes();

}  // namespace quantick::bench
