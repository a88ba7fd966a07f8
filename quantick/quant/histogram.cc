#include "quantick/quant/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "quantick/core/error.h"

namespace quantick::quant {
namespace {

constexpr int kBins = 1 << 16;
constexpr uint32_t kZero = kBins / 2;  // bin of [+0, smallest prefix)

uint32_t bin_of(float x) {
  const uint32_t prefix = std::bit_cast<uint32_t>(x) >> 16;
  return prefix & 0x8000u ? kZero - 1 - (prefix & 0x7fffu) : kZero + prefix;
}

/// Lower edge of a bin of positive values, by its distance from kZero.
double edge(uint32_t magnitude) { return std::bit_cast<float>(magnitude << 16); }

struct Range {
  double low, high;
};

Range range_of(uint32_t bin) {
  if (bin >= kZero) return {edge(bin - kZero), edge(bin - kZero + 1)};
  return {-edge(kZero - bin), -edge(kZero - 1 - bin)};
}

}  // namespace

Histogram::Histogram()
    : counts_(kBins, 0), low_(std::numeric_limits<float>::infinity()), high_(-std::numeric_limits<float>::infinity()) {}

void Histogram::add(std::span<const float> values) {
  for (const float value : values) {
    if (!std::isfinite(value)) {
      ++missing_;
      continue;
    }
    const float x = value + 0.0f;  // -0 becomes +0, or the order of arrival would show in the extremes
    ++counts_[bin_of(x)];
    ++observed_;
    low_ = std::min(low_, x);
    high_ = std::max(high_, x);
  }
}

void Histogram::merge(const Histogram& other) {
  for (int b = 0; b < kBins; ++b) counts_[b] += other.counts_[b];
  observed_ += other.observed_;
  missing_ += other.missing_;
  low_ = std::min(low_, other.low_);
  high_ = std::max(high_, other.high_);
}

double Histogram::quantile(double q) const {
  QTK_CHECK(q >= 0 && q <= 1, ValueError, "[histogram] quantile, was {}, expected 0..1", q);
  if (observed_ == 0) return 0;
  if (q == 1) return high_;
  const double rank = q * static_cast<double>(observed_ - 1);
  double before = 0;
  for (uint32_t b = 0; b < kBins; ++b) {
    const auto count = static_cast<double>(counts_[b]);
    if (count > 0 && before + count > rank) {
      const Range r = range_of(b);
      const double high = std::min<double>(r.high, high_), low = std::max<double>(r.low, low_);
      return std::clamp(low + (rank - before) / count * (high - low), static_cast<double>(low_),
                        static_cast<double>(high_));
    }
    before += count;
  }
  return high_;
}

std::vector<HistogramBin> Histogram::bins() const {
  std::vector<HistogramBin> out;
  for (uint32_t b = 0; b < kBins; ++b) {
    if (counts_[b] == 0) continue;
    const Range r = range_of(b);
    out.push_back({std::max<double>(r.low, low_), std::min<double>(r.high, high_), counts_[b]});
  }
  return out;
}

std::vector<int64_t> Histogram::equal_bins(int bins) const {
  QTK_CHECK(bins > 0, ValueError, "[histogram] bins, was {}, expected at least 1", bins);
  std::vector<int64_t> out(static_cast<size_t>(bins), 0);
  if (observed_ == 0) return out;
  const double low = low_, width = (static_cast<double>(high_) - low) / bins;
  for (uint32_t b = 0; b < kBins; ++b) {
    if (counts_[b] == 0) continue;
    const Range r = range_of(b);
    const double middle = (std::max<double>(r.low, low_) + std::min<double>(r.high, high_)) / 2;
    const double place = width > 0 ? (middle - low) / width : 0;
    out[static_cast<size_t>(std::clamp<double>(place, 0, bins - 1))] += counts_[b];
  }
  return out;
}

}  // namespace quantick::quant
