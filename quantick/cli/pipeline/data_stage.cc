#include "quantick/cli/pipeline/data_stage.h"

#include "quantick/core/error.h"
#include "quantick/core/log.h"
#include "quantick/market/reader.h"

namespace quantick::cli {
namespace {

void note(std::vector<std::string>& notes, std::string text) {
  log(LogLevel::info, "  " + text);
  notes.push_back(std::move(text));
}

market::Panel read_benchmark(const RunConfig& config) {
  market::Panel panel = market::read_panel(resolve_path(config, config.data.benchmark));
  QTK_CHECK(panel.instrument_count() == 1, ValueError, "[data] benchmark {}, was {} instruments, expected one",
            config.data.benchmark, panel.instrument_count());
  return panel;
}

void require_samples(const features::SampleList& list, const char* segment, const Segment& dates) {
  QTK_CHECK(!list.ids.empty(), ValueError, "[data] segment {} ({} to {}) has no sample: {}", segment,
            dates.from.to_string(), dates.to.to_string(), list.skipped.to_string(0));
}

}  // namespace

market::Panel read_prices(const RunConfig& config) {
  return market::read_panel(resolve_path(config, config.data.path), config.data.read);
}

PreparedData prepare_samples(const RunConfig& config) {
  PreparedData out;
  log(LogLevel::info, fmt::format("Reading {}", config.data.path));
  out.panel = read_prices(config);
  const market::Panel& panel = out.panel;
  note(out.notes,
       fmt::format("{} layout, {} dates {} to {}, {} instruments", panel.source.layout, panel.date_count(),
                   panel.dates.front().to_string(), panel.dates.back().to_string(), panel.instrument_count()));
  for (const auto& line : panel.source.inferred) note(out.notes, "inferred: " + line);
  for (const auto& line : panel.source.warts) note(out.notes, "data: " + line);
  for (const auto& [name, cells] : panel.source.filled)
    note(out.notes, fmt::format("filled forward: {} cells of {}", cells, name));

  const DatasetConfig& d = config.dataset;
  const features::FeatureSet set(d.features);
  out.feature_names = set.names();
  const std::vector<double> raw = set.compute(panel);
  // Dates before `train` serve the first windows, dates after it are unknown to the scaler.
  out.scaler = features::Scaler::fit(raw, out.feature_names, panel.instrument_count(), panel.lower_bound(d.train.from),
                                     panel.lower_bound(d.train.to.plus(1)), d.scaler);
  out.dataset = std::make_unique<features::WindowDataset>(panel, out.scaler.transform(raw), set.size(), d.samples);
  out.train = out.dataset->labelled(d.train.from, d.train.to, {.next_segment = d.valid.from, .embargo = d.embargo});
  out.valid = out.dataset->labelled(d.valid.from, d.valid.to, {.next_segment = d.test.from, .embargo = d.embargo});
  out.test = out.dataset->labelled(d.test.from, d.test.to);
  out.test_predictions = out.dataset->predictable(d.test.from, d.test.to);
  require_samples(out.train, "train", d.train);
  require_samples(out.valid, "valid", d.valid);
  require_samples(out.test, "test", d.test);
  const auto describe = [&](const char* name, const features::SampleList& list) {
    note(out.notes, fmt::format("{}: {} samples on {} dates; {}", name, list.ids.size(), list.groups.size(),
                                list.skipped.to_string(static_cast<int64_t>(list.ids.size()))));
  };
  describe("train", out.train);
  describe("valid", out.valid);
  describe("test", out.test);
  return out;
}

PreparedData prepare_data(const RunConfig& config) {
  PreparedData out = prepare_samples(config);
  if (!config.data.benchmark.empty()) out.benchmark = read_benchmark(config);
  out.prices = backtest::Prices::from_panel(out.panel);
  return out;
}

}  // namespace quantick::cli
