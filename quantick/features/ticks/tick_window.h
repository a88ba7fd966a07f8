#pragma once
// The last n values, with a fixed amount of work per value.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace quantick::features {

/// Remembers the value of n steps ago.
class TickDelay {
 public:
  explicit TickDelay(int64_t n) : values_(static_cast<size_t>(n)) {}

  /// True where `old` was set to the value pushed n steps ago.
  bool push(double value, double& old) noexcept {
    const bool full = count_ == values_.size();
    count_ += !full;
    old = values_[next_];
    values_[next_] = value;
    next_ = next_ + 1 == values_.size() ? 0 : next_ + 1;
    return full;
  }
  void reset() noexcept { count_ = 0; }

 private:
  std::vector<double> values_;
  size_t next_ = 0, count_ = 0;
};

/// Sum of the last n values, NaN while one of them is not finite. Values that leave are subtracted, so the sum is kept
/// in two doubles (106 bits: TwoSum, Knuth 1969), lest errors pile up over a day of ticks.
class TickSum {
 public:
  explicit TickSum(int64_t n) : values_(static_cast<size_t>(n)) {}

  void push(double value) noexcept {
    next_ = next_ + 1 == values_.size() ? 0 : next_ + 1;
    if (full()) {
      leave(values_[next_]);
    } else {
      ++count_;
    }
    enter(value);
  }
  /// Adds to the newest value; without effect where there is none.
  void add(double value) noexcept {
    if (count_ == 0) return;
    leave(values_[next_]);
    enter(values_[next_] + value);
  }
  bool full() const noexcept { return count_ == values_.size(); }
  double value() const noexcept { return not_finite_ == 0 ? high_ + low_ : std::numeric_limits<double>::quiet_NaN(); }
  void reset() noexcept {
    count_ = not_finite_ = 0;
    high_ = low_ = 0;
  }

 private:
  void enter(double value) noexcept {
    values_[next_] = value;
    std::isfinite(value) ? accumulate(value) : void(++not_finite_);
  }
  void leave(double value) noexcept { std::isfinite(value) ? accumulate(-value) : void(--not_finite_); }
  void accumulate(double x) noexcept {
    const double sum = high_ + x;
    const double part = sum - high_;
    low_ += (high_ - (sum - part)) + (x - part);
    high_ = sum + low_;
    low_ -= high_ - sum;
  }

  std::vector<double> values_;
  size_t next_ = 0, count_ = 0, not_finite_ = 0;
  double high_ = 0, low_ = 0;
};

}  // namespace quantick::features
