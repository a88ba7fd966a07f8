#include "quantick/core/large_pages.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <new>

namespace quantick {
namespace {

constexpr size_t kLine = 64;
constexpr size_t kPage = 4096;
constexpr size_t kLargePage = size_t{2} << 20;

size_t round_up(size_t bytes, size_t to) { return (bytes + to - 1) / to * to; }

}  // namespace

void LargePages::Unmap::operator()(std::byte* p) const { munmap(p, bytes); }

void LargePages::grow(size_t bytes) {
  // From a quarter of a large page on it is worth a whole one: aligned, so that the system can back it by one.
  const size_t wanted = std::max(bytes, expected_);
  const bool large = wanted >= kLargePage / 4;
  const size_t block = round_up(wanted, large ? kLargePage : kPage);
  const size_t mapped = large ? block + kLargePage : block;
  void* at = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) throw std::bad_alloc();
  auto* first = static_cast<std::byte*>(at);
  blocks_.emplace_back(first, Unmap{mapped});
  if (large) {
    first += round_up(reinterpret_cast<uintptr_t>(first), kLargePage) - reinterpret_cast<uintptr_t>(first);
    madvise(first, block, MADV_HUGEPAGE);  // a wish: without large pages the memory works all the same
  }
  next_ = first, left_ = block;
  expected_ = 0;
}

void* LargePages::allocate(size_t bytes) {
  const size_t rounded = round_up(std::max<size_t>(bytes, 1), kLine);
  if (rounded > left_) grow(rounded);
  std::byte* at = next_;
  next_ += rounded, left_ -= rounded, used_ += rounded;
  return at;
}

PooledBytes::PooledBytes(size_t bytes, std::shared_ptr<LargePages> pool)
    : pool_(pool ? std::move(pool) : std::make_shared<LargePages>(bytes)),
      data_(static_cast<std::byte*>(pool_->allocate(bytes))),
      size_(bytes) {}

}  // namespace quantick
