#include "quantick/market/missing.h"

#include <algorithm>
#include <cmath>

#include "quantick/core/error.h"
#include "quantick/market/text.h"

namespace quantick::market {
namespace {

bool is_bar_price(std::string_view field) {
  return field == "open" || field == "high" || field == "low" || field == "close" || field == "vwap";
}

/// Position of the first gap that a later price closes, or -1.
int64_t first_closed_gap(const Panel& panel, int64_t instrument) {
  const auto price = panel.field("price");
  int64_t gap = -1;
  bool begun = false;
  for (int64_t t = 0; t < panel.date_count(); ++t) {
    const bool missing = std::isnan(price[t * panel.instrument_count() + instrument]);
    if (!missing && gap >= 0) return gap;
    if (missing && begun && gap < 0) gap = t;
    begun = begun || !missing;
  }
  return -1;
}

/// Fills one instrument; returns the bars filled.
int64_t fill_instrument(Panel& panel, int64_t instrument, int64_t limit) {
  const int64_t count = panel.instrument_count();
  const size_t price =
      std::find(panel.field_names.begin(), panel.field_names.end(), panel.price_field) - panel.field_names.begin();
  const size_t close =
      std::find(panel.field_names.begin(), panel.field_names.end(), "close") - panel.field_names.begin();
  std::vector<double> last(panel.field_names.size(), kMissing);
  int64_t filled = 0, run = 0;
  for (int64_t t = 0; t < panel.date_count(); ++t) {
    const int64_t cell = t * count + instrument;
    if (!std::isnan(panel.values[price][cell])) {
      run = 0;
      for (size_t f = 0; f < last.size(); ++f) {
        if (!std::isnan(panel.values[f][cell])) last[f] = panel.values[f][cell];
      }
      continue;
    }
    if (std::isnan(last[price]) || ++run > limit) continue;
    ++filled;
    for (size_t f = 0; f < last.size(); ++f) {
      if (!std::isnan(panel.values[f][cell])) continue;
      const bool as_close = is_bar_price(panel.field_names[f]) && close < last.size();
      if (as_close || f == price || is_price_field(panel.field_names[f])) {
        panel.values[f][cell] = last[as_close ? close : f];
      }
    }
  }
  return filled;
}

}  // namespace

bool is_price_field(std::string_view field) { return is_bar_price(field) || field == "adjusted"; }

std::vector<std::string> apply_missing_policy(Panel& panel, const ReadOptions& options) {
  std::vector<std::string> notes;
  if (options.missing == "forward_fill") {
    int64_t all = 0;
    for (int64_t i = 0; i < panel.instrument_count(); ++i) {
      const int64_t filled = fill_instrument(panel, i, options.fill_limit);
      if (filled > 0) panel.source.filled.emplace_back(panel.instruments[i], filled);
      all += filled;
    }
    if (all > 0) {
      notes.push_back(fmt::format("{} bars of {} instruments filled forward with the last close (at most {} in a row)",
                                  all, panel.source.filled.size(), options.fill_limit));
    }
  } else if (options.missing == "error" || options.missing == "drop_instrument") {
    std::vector<int64_t> kept;
    std::string dropped;
    for (int64_t i = 0; i < panel.instrument_count(); ++i) {
      const int64_t gap = first_closed_gap(panel, i);
      QTK_CHECK(
          gap < 0 || options.missing != "error", ValueError,
          "[reader] {}: instrument {} has no price on {}, expected one every day between its first and its last; set "
          "missing: keep, forward_fill or drop_instrument",
          panel.source.path, shown(panel.instruments[i]), panel.dates[gap].to_string());
      if (gap < 0) {
        kept.push_back(i);
      } else {
        dropped += (dropped.empty() ? "" : ", ") + panel.instruments[i];
      }
    }
    QTK_CHECK(!kept.empty(), ValueError,
              "[reader] {}: every instrument has gaps, so missing: drop_instrument leaves none; set missing: keep or "
              "forward_fill",
              panel.source.path);
    if (kept.size() < panel.instruments.size()) {
      notes.push_back(fmt::format("{} instruments with gaps left out (chosen with knowledge of the whole file): {}",
                                  panel.instruments.size() - kept.size(), dropped));
      panel = panel.select(kept);
    }
  }
  return notes;
}

}  // namespace quantick::market
