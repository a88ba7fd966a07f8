#include "quantick/cli/pipeline/samples.h"

#include <algorithm>

#include "quantick/cli/pipeline/network.h"
#include "quantick/core/error.h"

namespace quantick::cli {
namespace {

class Windows final : public Samples {
 public:
  Windows(const features::WindowDataset& windows, const features::SampleList& list) : windows_(windows), list_(list) {
    for (size_t g = 0; g < list.groups.size(); ++g)
      groups_.insert(groups_.end(), static_cast<size_t>(list.groups[g].end - list.groups[g].begin),
                     static_cast<int64_t>(g));
  }
  int64_t size() const override { return static_cast<int64_t>(list_.ids.size()); }
  int64_t steps() const override { return windows_.options().window; }
  int64_t features() const override { return windows_.width(); }
  int64_t group(int64_t id) const override { return groups_[static_cast<size_t>(id)]; }
  std::string layout() const override { return "TNC"; }
  std::vector<float> per_id(const std::vector<float>& outputs) const override { return outputs; }
  void gather(std::span<const int64_t> ids, float* x, float* y) const override {
    std::vector<int64_t> own(ids.size());
    std::transform(ids.begin(), ids.end(), own.begin(), [&](int64_t id) { return list_.ids[static_cast<size_t>(id)]; });
    windows_.gather(own, x, y);
  }

 private:
  const features::WindowDataset& windows_;
  const features::SampleList& list_;
  std::vector<int64_t> groups_;  ///< of each sample
};

class WholeDates final : public Samples {
 public:
  WholeDates(const features::WindowDataset& windows, const features::SampleList& list)
      : windows_(windows), list_(list) {
    QTK_CHECK(windows.seconds().empty(), ValueError,
              "[samples] CrossTransformer sees the instruments of a date, expected one bar per date");
    if (list.groups.empty()) return;
    // A label that is missing tells the future: who has features is asked apart from it.
    const auto date = [&](const features::DateGroup& group) {
      return windows.dates()[static_cast<size_t>(group.date)];
    };
    const auto present = windows.predictable(date(list.groups.front()), date(list.groups.back()));
    size_t p = 0;
    for (const auto& group : list.groups) {
      while (present.groups[p].date != group.date) ++p;
      present_.emplace_back(present.ids.begin() + present.groups[p].begin, present.ids.begin() + present.groups[p].end);
    }
  }
  int64_t size() const override { return static_cast<int64_t>(list_.groups.size()); }
  int64_t steps() const override { return windows_.instrument_count(); }
  int64_t features() const override { return windows_.options().window * windows_.width(); }
  int64_t outputs() const override { return windows_.instrument_count(); }
  int64_t group(int64_t id) const override { return list_.groups[static_cast<size_t>(id)].date; }
  bool has_weights() const override { return true; }
  int64_t weight_count() const override { return windows_.instrument_count(); }
  std::string layout() const override { return "NTC"; }

  void gather(std::span<const int64_t> ids, float* x, float* y) const override {
    const auto dates = static_cast<int64_t>(ids.size());
    const int64_t window = windows_.options().window, width = windows_.width();
    std::fill_n(x, steps() * dates * features(), 0.0F);
    std::vector<float> buffer;
    for (int64_t d = 0; d < dates; ++d) {
      const auto& present = present_[static_cast<size_t>(ids[static_cast<size_t>(d)])];
      const auto count = static_cast<int64_t>(present.size());
      buffer.resize(static_cast<size_t>(window * count * width));
      windows_.gather(present, buffer.data(), nullptr);
      for (int64_t i = 0; i < count; ++i) {
        float* channels = x + (windows_.instrument_of(present[static_cast<size_t>(i)]) * dates + d) * window * width;
        for (int64_t l = 0; l < window; ++l)
          std::copy_n(buffer.data() + (l * count + i) * width, width, channels + l * width);
      }
    }
    if (y != nullptr) labels(ids, y, [&](int64_t id) { return static_cast<float>(windows_.label(id)); });
  }
  void gather_weights(std::span<const int64_t> ids, float* weights) const override {
    labels(ids, weights, [](int64_t) { return 1.0F; });
  }
  std::vector<float> per_id(const std::vector<float>& outputs) const override {
    std::vector<float> scores;
    for (size_t g = 0; g < list_.groups.size(); ++g)
      for (int64_t i = list_.groups[g].begin; i < list_.groups[g].end; ++i)
        scores.push_back(outputs[g * static_cast<size_t>(steps()) +
                                 static_cast<size_t>(windows_.instrument_of(list_.ids[static_cast<size_t>(i)]))]);
    return scores;
  }

 private:
  /// out gets [n, instruments]: value(id) for the ids of the list, else 0.
  template <class Value>
  void labels(std::span<const int64_t> dates, float* out, Value&& value) const {
    std::fill_n(out, static_cast<int64_t>(dates.size()) * steps(), 0.0F);
    for (size_t d = 0; d < dates.size(); ++d) {
      const auto& group = list_.groups[static_cast<size_t>(dates[d])];
      for (int64_t i = group.begin; i < group.end; ++i) {
        const int64_t id = list_.ids[static_cast<size_t>(i)];
        out[static_cast<int64_t>(d) * steps() + windows_.instrument_of(id)] = value(id);
      }
    }
  }

  const features::WindowDataset& windows_;
  const features::SampleList& list_;
  std::vector<std::vector<int64_t>> present_;  ///< by date: ids with a complete window
};

}  // namespace

std::unique_ptr<Samples> make_samples(const RunConfig& config, const features::WindowDataset& windows,
                                      const features::SampleList& list) {
  if (sees_whole_dates(config)) return std::make_unique<WholeDates>(windows, list);
  return std::make_unique<Windows>(windows, list);
}

strategy::ScoreMatrix to_matrix(const features::WindowDataset& windows, const features::SampleList& list,
                                std::span<const float> values) {
  const auto seconds = windows.seconds();
  std::vector<int32_t> times(seconds.begin(), seconds.end());
  std::sort(times.begin(), times.end());
  times.erase(std::unique(times.begin(), times.end()), times.end());
  strategy::ScoreMatrix out;
  if (times.empty()) out.instruments.assign(windows.instruments().begin(), windows.instruments().end());
  for (const int32_t time : times)
    for (const auto& name : windows.instruments()) out.instruments.push_back(market::time_text(time) + " " + name);
  const auto column = [&](int64_t id) {
    const int64_t own = windows.instrument_of(id);
    if (times.empty()) return own;
    const int32_t time = seconds[static_cast<size_t>(windows.date_of(id))];
    const auto slot = std::lower_bound(times.begin(), times.end(), time) - times.begin();
    return slot * windows.instrument_count() + own;
  };
  for (const auto& group : list.groups) {
    out.dates.push_back(windows.dates()[static_cast<size_t>(group.date)]);
    out.values.resize(out.dates.size() * out.instruments.size(), market::kMissing);
    for (int64_t i = group.begin; i < group.end; ++i)
      out.row(out.date_count() - 1)[static_cast<size_t>(column(list.ids[static_cast<size_t>(i)]))] =
          values[static_cast<size_t>(i)];
  }
  return out;
}

}  // namespace quantick::cli
