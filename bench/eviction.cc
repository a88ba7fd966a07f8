#include "bench/eviction.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>

#if defined(__GLIBC__)
#include <malloc.h>
#endif
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace quantick::bench {
namespace {
constexpr size_t kLine = 64;
constexpr size_t kUnknownL2 = size_t{2} << 20;

#if defined(__x86_64__)
void flush(const char* begin, const char* end) noexcept {
  for (const char* p = begin; p < end; p += kLine) _mm_clflush(p);
}
/// Flushes that do not wait for each other: several times as fast.
[[gnu::target("clflushopt")]] void flush_unordered(char* begin, const char* end) noexcept {
  for (char* p = begin; p < end; p += kLine) _mm_clflushopt(p);
}
#endif
}  // namespace

std::string_view cache_name(Cache cache) {
  static constexpr std::array<std::string_view, 3> kNames{"hot", "evicted", "cold"};
  return kNames[static_cast<size_t>(cache)];
}

CacheSizes cache_sizes() {
  return {std::max(0l, sysconf(_SC_LEVEL1_DCACHE_SIZE)), std::max(0l, sysconf(_SC_LEVEL2_CACHE_SIZE)),
          std::max(0l, sysconf(_SC_LEVEL3_CACHE_SIZE))};
}

Eviction::Eviction() {
  const long l2 = cache_sizes().l2;
#if defined(__GLIBC__)
  // The heap must not shrink between finding its end and flushing up to it. That stops the other threshold from
  // following what was freed, so it is set to where it would end.
  mallopt(M_TRIM_THRESHOLD, -1);
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
#endif
  buffer_.assign(4 * (l2 > 0 ? static_cast<size_t>(l2) : kUnknownL2), 1);
}

void Eviction::find_memory() {
  memory_.clear();
  std::array<char, 4096> self{};
  const ssize_t length = readlink("/proc/self/exe", self.data(), self.size() - 1);
  const std::string program(self.data(), static_cast<size_t>(std::max<ssize_t>(0, length)));
  std::ifstream maps("/proc/self/maps");
  std::string line;
  while (std::getline(maps, line)) {
    std::istringstream in(line);
    std::string range, rights, offset, device, inode, path;
    in >> range >> rights >> offset >> device >> inode >> path;
    const bool anonymous = rights == "rw-p" && inode == "0";
    if (!anonymous && (path != program || rights[0] != 'r')) continue;
    const size_t dash = range.find('-');
    memory_.emplace_back(reinterpret_cast<char*>(std::stoull(range.substr(0, dash), nullptr, 16)),
                         reinterpret_cast<char*>(std::stoull(range.substr(dash + 1), nullptr, 16)));
  }
}

void Eviction::apply(Cache cache) {
  if (cache == Cache::evicted) read_buffer();
  if (cache == Cache::cold) {
    find_memory();
    flush_memory();
  }
}

void Eviction::read_buffer() noexcept {
  const volatile char* data = buffer_.data();
  // Twice: one pass leaves part of the older lines where replacement is not by age alone.
  for (int pass = 0; pass < 2; ++pass)
    for (size_t i = 0; i < buffer_.size(); i += kLine) sum_ += static_cast<unsigned>(data[i]);
}

void Eviction::flush_memory() noexcept {
#if defined(__x86_64__)
  static const bool unordered = __builtin_cpu_supports("clflushopt");
  for (const auto& [begin, end] : memory_) unordered ? flush_unordered(begin, end) : flush(begin, end);
  _mm_mfence();
#else
  read_buffer();
#endif
}

}  // namespace quantick::bench
