#include "quantick/features/window_dataset.h"

#include <algorithm>
#include <cmath>

#include "quantick/core/error.h"
#include "quantick/core/thread_pool.h"
#include "quantick/features/cross_section.h"
#include "quantick/features/forward_return.h"
#include "quantick/features/registry.h"
#include "quantick/market/text.h"

namespace quantick::features {

using market::Date;
using market::kMissing;

std::string SkippedSamples::to_string(int64_t kept) const {
  std::string text = fmt::format("{} of {} samples left out", total(), total() + kept);
  std::string reasons;
  const auto add = [&](int64_t count, const char* reason) {
    if (count > 0) reasons += fmt::format("{}{} {}", reasons.empty() ? ": " : ", ", count, reason);
  };
  add(no_price, "no price");
  add(incomplete_window, "incomplete window");
  add(no_label_yet, "label ends after the data");
  add(missing_label, "price missing in the label");
  add(day_ends, "day ends before the label");
  add(purged, "purged");
  return text + reasons;
}

WindowDataset::WindowDataset(const market::Panel& panel, std::vector<float> features, int64_t width,
                             const DatasetOptions& options)
    : options_(options),
      dates_(panel.dates),
      seconds_(panel.seconds),
      instruments_(panel.instruments),
      width_(width),
      features_(std::move(features)) {
  QTK_CHECK(options.window >= 1, ValueError, "[dataset] window, was {}, expected 1 or more", options.window);
  QTK_CHECK(options.horizon >= 1, ValueError, "[dataset] horizon, was {}, expected 1 or more", options.horizon);
  QTK_CHECK(options.label_volatility_bars == 0 || options.label_volatility_bars >= 2, ValueError,
            "[dataset] label_volatility_bars, was {}, expected 0 (off) or 2 and more", options.label_volatility_bars);
  const std::vector<std::string> labels = {"return", "demean", "rank", "zscore"};
  QTK_CHECK(std::find(labels.begin(), labels.end(), options.label) != labels.end(), ValueError,
            "[dataset] label, was {}, expected return, demean, rank or zscore{}", market::shown(options.label),
            market::did_you_mean(options.label, labels));
  const int64_t cells = date_count() * instrument_count();
  QTK_CHECK(width >= 1 && static_cast<int64_t>(features_.size()) == cells * width, ShapeError,
            "[dataset] {} feature values, expected {} dates x {} instruments x {} features", features_.size(),
            date_count(), instrument_count(), width);
  run_.assign(cells, 0);
  has_price_.assign(cells, 0);
  const auto price = panel.field("price");
  const int64_t count = instrument_count();
  for (int64_t k = 0; k < cells; ++k) {
    has_price_[k] = !std::isnan(price[k]);
    const float* row = features_.data() + k * width;
    const bool complete = std::all_of(row, row + width, [](float v) { return std::isfinite(v); });
    const bool begins = k < count || (panel.intraday() && dates_[k / count] != dates_[k / count - 1]);
    run_[k] = !complete ? 0 : begins ? 1 : run_[k - count] + 1;
  }
  make_labels(panel);
}

void WindowDataset::make_labels(const market::Panel& panel) {
  const int64_t count = instrument_count(), cells = date_count() * count;
  returns_ = forward_returns(panel, options_.horizon);
  labels_ = returns_;
  if (options_.label_volatility_bars > 0) {
    const auto volatility = make_feature(fmt::format("volatility({})", options_.label_volatility_bars))->compute(panel);
    const double root = std::sqrt(static_cast<double>(options_.horizon));
    for (int64_t k = 0; k < cells; ++k) {
      labels_[k] /= volatility[k] * root;
      if (!std::isfinite(labels_[k])) labels_[k] = kMissing;
    }
  }
  std::vector<int64_t> scratch;
  for (int64_t t = 0; t < date_count(); ++t) {
    const auto date = std::span(labels_).subspan(t * count, count);
    if (options_.label == "demean") cross_sectional_demean(date);
    if (options_.label == "rank") cross_sectional_rank(date, scratch);
    if (options_.label == "zscore") cross_sectional_zscore(date);
  }
}

int64_t WindowDataset::check(int64_t id) const {
  QTK_CHECK(id >= 0 && id < static_cast<int64_t>(run_.size()), IndexError, "[dataset] sample, was {}, expected 0..{}",
            id, static_cast<int64_t>(run_.size()) - 1);
  return id;
}

SampleList WindowDataset::labelled(Date from, Date to, const SegmentOptions& segment) const {
  return list(from, to, true, segment);
}

SampleList WindowDataset::predictable(Date from, Date to) const { return list(from, to, false, {}); }

SampleList WindowDataset::list(Date from, Date to, bool labelled, const SegmentOptions& segment) const {
  QTK_CHECK(from <= to, ValueError, "[dataset] segment {}..{}, expected the first date not after the last",
            from.to_string(), to.to_string());
  QTK_CHECK(segment.embargo >= 0, ValueError, "[dataset] embargo, was {}, expected 0 or more bars", segment.embargo);
  QTK_CHECK(!segment.next_segment || *segment.next_segment > to, ValueError,
            "[dataset] the next segment begins on {}, expected after the end {} of this one",
            segment.next_segment->to_string(), to.to_string());
  const int64_t count = instrument_count();
  const auto position = [&](Date date) {
    return std::lower_bound(dates_.begin(), dates_.end(), date) - dates_.begin();
  };
  const int64_t begin = position(from), end = position(to.plus(1));
  // The first date that a label must not touch; beyond the data where nothing follows.
  const bool purging = segment.next_segment.has_value();
  const int64_t border = purging ? position(*segment.next_segment) - segment.embargo : 0;
  const int64_t ahead = 1 + std::min(options_.horizon, date_count());
  SampleList samples;
  for (int64_t t = begin; t < end; ++t) {
    const int64_t label_end = t + ahead;
    const bool day_ends = !seconds_.empty() && label_end < date_count() && dates_[label_end] != dates_[t];
    const auto first = static_cast<int64_t>(samples.ids.size());
    for (int64_t id = t * count; id < (t + 1) * count; ++id) {
      if (!has_price_[id]) {
        ++samples.skipped.no_price;
      } else if (run_[id] < options_.window) {
        ++samples.skipped.incomplete_window;
      } else if (labelled && purging && label_end >= border) {
        ++samples.skipped.purged;
      } else if (labelled && label_end >= date_count()) {
        ++samples.skipped.no_label_yet;
      } else if (labelled && day_ends) {
        ++samples.skipped.day_ends;
      } else if (labelled && std::isnan(labels_[id])) {
        ++samples.skipped.missing_label;
      } else {
        samples.ids.push_back(id);
      }
    }
    const auto last = static_cast<int64_t>(samples.ids.size());
    if (last == first) continue;
    if (!samples.groups.empty() && dates_[samples.groups.back().date] == dates_[t])
      samples.groups.back().end = last;
    else
      samples.groups.push_back({t, first, last});
  }
  return samples;
}

void WindowDataset::gather(std::span<const int64_t> ids, float* x, float* y) const {
  const auto batch = static_cast<int64_t>(ids.size());
  const int64_t window = options_.window, count = instrument_count();
  if (batch == 0) return;
  constexpr int64_t kGrain = 128;  // samples; a window is a few KiB
  parallel_ranges(batch, kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      const int64_t id = check(ids[b]);
      QTK_CHECK(run_[id] >= window, ValueError,
                "[dataset] sample {} ({} {}): its window of {} bars is incomplete, expected a sample of labelled() or "
                "predictable()",
                id, instruments_[instrument_of(id)], dates_[date_of(id)].to_string(), window);
      for (int64_t l = 0; l < window; ++l) {
        const float* row = features_.data() + (id - (window - 1 - l) * count) * width_;
        std::copy_n(row, width_, x + (l * batch + b) * width_);
      }
      if (y == nullptr) continue;
      QTK_CHECK(!std::isnan(labels_[id]), ValueError,
                "[dataset] sample {} ({} {}) has no label, expected one of labelled()", id,
                instruments_[instrument_of(id)], dates_[date_of(id)].to_string());
      y[b] = static_cast<float>(labels_[id]);
    }
  });
}

}  // namespace quantick::features
