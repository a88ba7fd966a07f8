#pragma once
// Memory for what every tick streams: packed weights, one piece behind the other in the order of use, on large pages
// where the system grants them (a page of 4 KiB costs an address translation each).
#include <cstddef>
#include <memory>
#include <vector>

namespace quantick {

/// Hands out pieces that live as long as the object. Not for several threads at once.
class LargePages {
 public:
  /// `first` is a guess of the total, so that all pieces lie in one block; more is added where it does not suffice.
  explicit LargePages(size_t first = 0) : expected_(first) {}
  LargePages(const LargePages&) = delete;
  LargePages& operator=(const LargePages&) = delete;

  /// `bytes` of zeros, aligned to 64 bytes. Throws std::bad_alloc.
  void* allocate(size_t bytes);

  /// Bytes handed out, rounded up to lines of 64.
  size_t used() const { return used_; }

 private:
  struct Unmap {
    size_t bytes = 0;
    void operator()(std::byte* p) const;
  };
  void grow(size_t bytes);

  size_t expected_;
  size_t used_ = 0;
  std::vector<std::unique_ptr<std::byte, Unmap>> blocks_;
  std::byte* next_ = nullptr;
  size_t left_ = 0;
};

/// A fixed array of a kernel, in a pool or, with none, in memory of its own.
class PooledBytes {
 public:
  PooledBytes() = default;
  /// Zeros.
  PooledBytes(size_t bytes, std::shared_ptr<LargePages> pool);
  std::byte* data() { return data_; }
  const std::byte* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  std::shared_ptr<LargePages> pool_;  ///< keeps the memory alive
  std::byte* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace quantick
