#include "quantick/cli/pipeline/tick_data.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "quantick/core/error.h"
#include "quantick/features/ticks/tick_labels.h"
#include "quantick/market/text.h"
#include "quantick/market/tick_reader.h"

namespace quantick::cli {

std::vector<int64_t> TickData::bounds() const {
  std::vector<int64_t> out;
  for (int64_t row = 0; row < rows(); ++row)
    if (stretch[static_cast<size_t>(row)] == row) out.push_back(row);
  out.push_back(rows());
  return out;
}

features::TickFeatureOptions feature_options(const ReplayConfig& config) {
  return {.instruments = 1, .quotes = config.features.quotes, .max_gap = config.features.max_gap};
}

TickData read_tick_data(const ReplayConfig& config, const std::vector<std::string>& paths, const TickData* before) {
  TickData data;
  std::vector<std::unique_ptr<market::TickSource>> files;
  for (const std::string& path : paths)
    files.push_back(market::open_ticks(resolve_path(config.run, path), config.data.read));
  const auto source = market::chain_ticks(std::move(files));
  data.tape = market::TickTape(*source);
  data.skipped = source->skipped();
  data.symbol = source->symbol();
  const auto events = data.tape.events();
  QTK_CHECK(!events.empty(), ValueError, "[replay] {} holds no event", paths.front());
  std::vector<market::TickEvent> all;
  if (before != nullptr) {
    QTK_CHECK(data.symbol.empty() || before->symbol.empty() || data.symbol == before->symbol, ValueError,
              "[replay] {} holds {}, expected {} as the files ahead of it: the model learnt another instrument",
              paths.front(), market::shown(data.symbol), market::shown(before->symbol));
    const auto past = before->tape.events();
    QTK_CHECK(past.back().time() <= events.front().time(), ValueError,
              "[replay] {} begins before the data ahead of it ends: the model would have seen what it is to foretell",
              paths.front());
    all.assign(past.begin(), past.end());
  }
  const size_t past = all.size();
  all.insert(all.end(), events.begin(), events.end());
  data.matrix = features::compute_tick_features(config.features.list, feature_options(config), all);
  data.matrix.values.erase(data.matrix.values.begin(),
                           data.matrix.values.begin() + static_cast<int64_t>(past * data.matrix.names.size()));
  data.matrix.points.erase(data.matrix.points.begin(), data.matrix.points.begin() + static_cast<int64_t>(past));
  const auto& points = data.matrix.points;
  bool joined = false;  // to the row before
  for (size_t i = 0; i < points.size(); ++i) {
    if (i > 0 && points[i].session != points[i - 1].session) joined = false;
    if (!points[i].tick) continue;
    ++data.ticks;
    if (!points[i].complete) {
      ++data.incomplete;
      joined = false;
      continue;
    }
    data.stretch.push_back(joined ? data.stretch.back() : data.rows());
    data.events.push_back(static_cast<int64_t>(i));
    joined = true;
  }
  QTK_CHECK(data.rows() > 0, ValueError,
            "[replay] {}: {} events, {} ticks, and none on which every feature has a value", paths.front(),
            points.size(), data.ticks);
  const auto labels = features::forward_mid_returns(points, config.label);
  data.unlabelled = labels.dropped;
  data.label.assign(data.events.size(), std::numeric_limits<double>::quiet_NaN());
  for (size_t k = 0; k < labels.rows.size(); ++k) {
    const auto row = std::lower_bound(data.events.begin(), data.events.end(), labels.rows[k]);
    if (row != data.events.end() && *row == labels.rows[k])
      data.label[static_cast<size_t>(row - data.events.begin())] = labels.values[k];
  }
  return data;
}

features::Scaler fit_scaler(const ReplayConfig& config, const TickData& data, int64_t rows) {
  const auto width = static_cast<size_t>(data.width());
  std::vector<double> values;
  for (int64_t row = 0; row < rows; ++row) {
    const float* from = data.matrix.values.data() + static_cast<size_t>(data.events[static_cast<size_t>(row)]) * width;
    values.insert(values.end(), from, from + width);
  }
  return features::Scaler::fit(values, data.matrix.names, 1, 0, rows, config.features.scaler);
}

void scale(TickData& data, const features::Scaler& scaler) {
  const int64_t width = data.width();
  data.x.clear();
  for (const int64_t event : data.events)
    for (int64_t f = 0; f < width; ++f)
      data.x.push_back(scaler.apply(data.matrix.values[static_cast<size_t>(event * width + f)], f));
}

TickSamples::TickSamples(const TickData& data, int64_t window, int64_t begin, int64_t end, double unit)
    : data_(data), window_(window), unit_(unit) {
  for (int64_t row = begin; row < end; ++row)
    if (row - data.stretch[static_cast<size_t>(row)] + 1 >= window &&
        std::isfinite(data.label[static_cast<size_t>(row)]))
      last_.push_back(row);
}

void TickSamples::gather(std::span<const int64_t> ids, float* x, float* y) const {
  const int64_t width = data_.width(), n = static_cast<int64_t>(ids.size());
  for (int64_t k = 0; k < n; ++k) {
    const int64_t last = last_[static_cast<size_t>(ids[static_cast<size_t>(k)])];
    for (int64_t step = 0; step < window_; ++step)
      std::copy_n(data_.x.data() + (last - window_ + 1 + step) * width, width, x + (step * n + k) * width);
    if (y != nullptr) y[k] = static_cast<float>(data_.label[static_cast<size_t>(last)] / unit_);
  }
}

}  // namespace quantick::cli
