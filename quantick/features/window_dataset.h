#pragma once
// Samples for a sequence model: one per (date, instrument), a window of features up to the date's close, and a label
// from the future. The signal after close t is traded at close t+1, so the label is the return from close t+1 to close
// t+1+horizon. Holds features once, [T, N, F]: memory does not grow with the window. With intraday bars "date" means
// bar, and neither window nor label reaches over a night.
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "quantick/core/fields.h"
#include "quantick/market/panel.h"

namespace quantick::features {

struct DatasetOptions {
  int64_t window = 20;
  int64_t horizon = 5;
  std::string label = "return";
  int64_t label_volatility_bars = 0;

  static constexpr auto fields() {
    using O = DatasetOptions;
    return std::make_tuple(
        field("window", &O::window, "bars in a sample's window, the present one included"),
        field("horizon", &O::horizon, "bars held: the label is the return from close t+1 to close t+1+horizon"),
        field("label", &O::label, "return, or across the instruments of the date: demean, rank (to +-0.5), zscore"),
        field("label_volatility_bars", &O::label_volatility_bars,
              "where above 0, the return is first divided by the volatility of the last so many returns up to t, times "
              "sqrt(horizon)"));
  }
};

/// Samples left out, by the first reason that applied.
struct SkippedSamples {
  int64_t no_price = 0;           // no price at the date: not listed yet, delisted, or a gap
  int64_t incomplete_window = 0;  // a feature is missing in the window (warm-up included)
  int64_t no_label_yet = 0;       // the label ends after the data
  int64_t missing_label = 0;      // a price that the label needs is missing
  int64_t day_ends = 0;           // the day ends before the label does (intraday bars)
  int64_t purged = 0;             // the label reaches into the next segment or its embargo

  int64_t total() const { return no_price + incomplete_window + no_label_yet + missing_label + day_ends + purged; }
  /// For a report: "12 of 100 samples left out: 10 no price, 2 purged".
  std::string to_string(int64_t kept) const;

  static constexpr auto fields() {
    using S = SkippedSamples;
    return std::make_tuple(field("no_price", &S::no_price), field("incomplete_window", &S::incomplete_window),
                           field("no_label_yet", &S::no_label_yet), field("missing_label", &S::missing_label),
                           field("day_ends", &S::day_ends), field("purged", &S::purged));
  }
};

/// Samples of one date, of all its bars where it has several: positions [begin, end) of SampleList::ids.
struct DateGroup {
  int64_t date = 0;  // position in the panel's dates of its first bar with a sample
  int64_t begin = 0;
  int64_t end = 0;
};

/// Ordered by bar, then instrument.
struct SampleList {
  std::vector<int64_t> ids;
  std::vector<DateGroup> groups;  // by day; dates without samples have none
  SkippedSamples skipped;
};

/// What to keep away from: the first date of the segment that follows, and a further gap in bars before it.
struct SegmentOptions {
  std::optional<market::Date> next_segment;
  int64_t embargo = 0;
};

/// Immutable after construction; safe to read from many threads.
class WindowDataset {
 public:
  /// `features` is [T, N, F], scaled, NaN = missing; the prices of `panel` make the labels. The panel is not kept.
  WindowDataset(const market::Panel& panel, std::vector<float> features, int64_t width, const DatasetOptions& options);

  const DatasetOptions& options() const { return options_; }
  int64_t date_count() const { return static_cast<int64_t>(dates_.size()); }
  int64_t instrument_count() const { return static_cast<int64_t>(instruments_.size()); }
  /// F.
  int64_t width() const { return width_; }
  std::span<const market::Date> dates() const { return dates_; }
  /// Seconds of the day by date; empty where a date has one bar.
  std::span<const int32_t> seconds() const { return seconds_; }
  std::span<const std::string> instruments() const { return instruments_; }
  std::span<const float> features() const { return features_; }

  /// Samples with label whose date lies in [from, to], for training and for scoring.
  SampleList labelled(market::Date from, market::Date to, const SegmentOptions& segment = {}) const;
  /// Samples whose date lies in [from, to], with or without a label, for prediction.
  SampleList predictable(market::Date from, market::Date to) const;

  /// A sample's id is date * instrument_count() + instrument.
  int64_t date_of(int64_t id) const { return id / instrument_count(); }
  int64_t instrument_of(int64_t id) const { return id % instrument_count(); }
  /// Label, NaN where it cannot be had.
  double label(int64_t id) const { return labels_[check(id)]; }
  /// Plain return from close t+1 to close t+1+horizon, NaN where it cannot be had.
  double forward_return(int64_t id) const { return returns_[check(id)]; }

  /// x is [window, B, F] (time-major), y is [B], or nullptr where no labels are wanted. Throws IndexError for an id
  /// outside the data and ValueError for one whose window is incomplete or whose label is missing. Uses the thread
  /// pool.
  void gather(std::span<const int64_t> ids, float* x, float* y) const;

 private:
  int64_t check(int64_t id) const;
  void make_labels(const market::Panel& panel);
  SampleList list(market::Date from, market::Date to, bool labelled, const SegmentOptions& segment) const;

  DatasetOptions options_;
  std::vector<market::Date> dates_;
  std::vector<int32_t> seconds_;
  std::vector<std::string> instruments_;
  int64_t width_;
  std::vector<float> features_;  // [T, N, F]
  std::vector<int32_t> run_;     // [T, N]: complete rows of the instrument up to the date, without a break
  std::vector<char> has_price_;  // [T, N]
  std::vector<double> returns_;  // [T, N]
  std::vector<double> labels_;   // [T, N]
};

}  // namespace quantick::features
