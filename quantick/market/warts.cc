// find_warts of panel.h.
#include <algorithm>
#include <cmath>

#include "quantick/core/error.h"
#include "quantick/market/panel.h"

namespace quantick::market {
namespace {

constexpr double kLargeMove = 0.5;   // of the price, in one day: a split, a spin-off, an error or a crash
constexpr double kStaleShare = 0.1;  // zero-return share above which an instrument is named
constexpr int64_t kPaddedDays = 20;  // equal prices up to the last date that look like padding, about a month
constexpr size_t kExamples = 5;

/// The first few of a list, and how many there are.
struct Examples {
  int64_t count = 0;
  std::string text;
  void add(const std::string& example) {
    if (static_cast<size_t>(count++) < kExamples) text += (text.empty() ? "" : ", ") + example;
  }
  std::string list() const { return text + (static_cast<size_t>(count) > kExamples ? ", ..." : ""); }
};

void presence(const Panel& panel, std::vector<std::string>& warts) {
  const auto price = panel.field("price");
  const int64_t dates = panel.date_count(), count = panel.instrument_count();
  Examples gaps, late, early;
  int64_t missing = 0;
  for (int64_t i = 0; i < count; ++i) {
    int64_t first = 0, last = dates - 1, holes = 0;
    while (first < dates && std::isnan(price[first * count + i])) ++first;
    while (last > first && std::isnan(price[last * count + i])) --last;
    for (int64_t t = first; t <= last; ++t) holes += std::isnan(price[t * count + i]);
    missing += holes;
    if (holes > 0) gaps.add(fmt::format("{} {}", panel.instruments[i], holes));
    if (first > 0 && first < dates)
      late.add(fmt::format("{} {}", panel.instruments[i], panel.dates[first].to_string()));
    if (last < dates - 1 && first < dates) {
      early.add(fmt::format("{} {}", panel.instruments[i], panel.dates[last].to_string()));
    }
  }
  if (missing > 0) {
    warts.push_back(fmt::format("{} prices missing between an instrument's first and last price, in {} instruments: {}",
                                missing, gaps.count, gaps.list()));
  }
  if (late.count > 0)
    warts.push_back(fmt::format("{} instruments begin later than the data: {}", late.count, late.list()));
  if (early.count > 0)
    warts.push_back(fmt::format("{} instruments end before the data: {}", early.count, early.list()));
}

/// Cells of other fields that are empty although the price is there.
void partial_bars(const Panel& panel, std::vector<std::string>& warts) {
  const auto price = panel.field("price");
  for (size_t f = 0; f < panel.field_names.size(); ++f) {
    int64_t missing = 0;
    for (size_t k = 0; k < price.size(); ++k) missing += !std::isnan(price[k]) && std::isnan(panel.values[f][k]);
    if (missing > 0) {
      warts.push_back(
          fmt::format("{} cells of \"{}\" are empty in bars that have a price", missing, panel.field_names[f]));
    }
  }
}

void bar_order(const Panel& panel, std::vector<std::string>& warts) {
  if (!panel.has("high") || !panel.has("low")) return;
  const auto high = panel.field("high"), low = panel.field("low");
  const int64_t count = panel.instrument_count();
  Examples wrong;
  for (int64_t k = 0; k < static_cast<int64_t>(high.size()); ++k) {
    bool bad = high[k] < low[k];
    for (const char* name : {"open", "close"}) {
      if (!panel.has(name)) continue;
      const double value = panel.field(name)[k];
      bad = bad || value > high[k] || value < low[k];  // false where either is missing
    }
    if (bad) wrong.add(fmt::format("{} {}", panel.instruments[k % count], panel.dates[k / count].to_string()));
  }
  if (wrong.count > 0) {
    warts.push_back(
        fmt::format("{} bars whose high and low do not enclose open and close: {}", wrong.count, wrong.list()));
  }
}

void returns(const Panel& panel, std::vector<std::string>& warts) {
  const auto price = panel.field("price");
  const int64_t dates = panel.date_count(), count = panel.instrument_count();
  Examples large, stale, padded;
  int64_t zeros = 0, all = 0;
  for (int64_t i = 0; i < count; ++i) {
    int64_t own_zeros = 0, own = 0, still = 0;
    double last = kMissing;
    for (int64_t t = 0; t < dates; ++t) {
      const double now = price[t * count + i];
      if (std::isnan(now)) continue;
      if (!std::isnan(last)) {
        ++own;
        own_zeros += now == last;
        still = now == last ? still + 1 : 0;
        const double move = now / last - 1;
        if (std::abs(move) > kLargeMove) {
          large.add(fmt::format("{} {} {:+.0f} %", panel.instruments[i], panel.dates[t].to_string(), move * 100));
        }
      }
      last = now;
    }
    zeros += own_zeros;
    all += own;
    if (own > 0 && static_cast<double>(own_zeros) > kStaleShare * static_cast<double>(own)) {
      stale.add(fmt::format("{} {:.0f} %", panel.instruments[i], 100.0 * own_zeros / own));
    }
    if (still >= kPaddedDays) padded.add(fmt::format("{} ({} days)", panel.instruments[i], still));
  }
  if (large.count > 0) {
    warts.push_back(fmt::format("{} moves above 50 % in one bar (splits, spin-offs, errors or crashes): {}",
                                large.count, large.list()));
  }
  if (zeros > 0) {
    warts.push_back(fmt::format("{:.2f} % of the returns are zero{}{}", 100.0 * zeros / all,
                                stale.count > 0 ? "; above 10 %: " : "", stale.list()));
  }
  if (padded.count > 0) {
    warts.push_back(fmt::format("{} instruments stand still to their end (a delisting padded with the last price?): {}",
                                padded.count, padded.list()));
  }
}

}  // namespace

std::vector<std::string> find_warts(const Panel& panel) {
  std::vector<std::string> warts;
  presence(panel, warts);
  partial_bars(panel, warts);
  bar_order(panel, warts);
  returns(panel, warts);
  return warts;
}

}  // namespace quantick::market
