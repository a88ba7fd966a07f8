#include "bench/suite.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "bench/cell.h"
#include "bench/peers.h"
#include "quantick/core/error.h"
#include "quantick/kernels/bench_floor.h"
#include "quantick/nn/safetensors.h"
#include "quantick/quant/report.h"

#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace quantick::bench {
namespace {

// A run of this length goes through so much memory that what an eviction leaves behind does not show.
constexpr double kLongRun = 0.02;  // seconds

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return percentile(values, 0.5);
}

double largest_difference(const Array& a, const Array& b) {
  const auto x = a.to_vector<double>(), y = b.to_vector<double>();
  double most = 0;
  for (size_t i = 0; i < x.size(); ++i) most = std::max(most, std::abs(x[i] - y[i]));
  return most;
}

}  // namespace

Suite::Suite(const std::string& name, const std::vector<std::string>& peers, Eviction& eviction)
    : workload_(make_workload(workload_spec(name))), eviction_(&eviction), truth_(truth_of(workload_)) {
  const WorkloadSpec& spec = workload_.spec;
  out_.resize(static_cast<size_t>(spec.rows * spec.outputs));
  window_ = random_walks(spec, 1, Key(5));
  batch_ = random_walks(spec, spec.batch, Key(6));
  for (const std::string& contender : own_contenders(spec)) add_own(contender);
  for (const std::string& peer : peers) {
    if (peer == "eigen") std::ranges::move(eigen_contenders(workload_), std::back_inserter(peers_));
    if (peer == "onednn") std::ranges::move(onednn_contenders(workload_), std::back_inserter(peers_));
  }
  for (Contender& peer : peers_) {
    add_error(peer.name, outputs_of(*peer.stepper));
    add_step(peer.name, peer.note, "step", *peer.stepper, {});
  }
  for (const auto& measurement : measurements_)
    for (const Cache cache : kCaches)
      if (cache == Cache::hot || measurement->path != "batch")
        samplers_[measurement.get()].emplace_back(*measurement, cache);
#if defined(__GLIBC__)
  malloc_trim(0);  // what building left behind need not be flushed before each cold run
#endif
}

void Suite::add_own(const std::string& contender) {
  const WorkloadSpec& spec = workload_.spec;
  auto own = std::make_unique<Own>();
  own->made = own_program(workload_, contender);
  const runtime::Program& program = own->made.program;
  own->stepper = std::make_unique<OwnStepper>(program, spec);
  own->session = std::make_unique<runtime::Session>(program);
  add_error(contender, own->session->run(workload_.windows));

  Work step = step_work(program);
  step.byte_products *= static_cast<double>(spec.rows);
  step.products *= static_cast<double>(spec.rows);
  add_step(contender, "", "step", *own->stepper, step);
  if (spec.window > 1) {
    Stepper* stepper = own->stepper.get();
    add_step(contender, "", "event", *stepper, event_work(program));
    measurements_.back()->before = [stepper] { stepper->prepare(); };
  }
  const runtime::Session* session = own->session.get();
  const auto whole = [&](const std::string& path, const Array& x, int64_t rows) {
    auto m = std::make_unique<Measurement>();
    m->contender = contender;
    m->path = path;
    m->rows = rows;
    m->run = [session, x] { (void)session->run(x); };
    m->work = window_work(program, spec.window, rows);
    measurements_.push_back(std::move(m));
  };
  if (spec.window > 1) whole("window", window_, 1);
  whole("batch", batch_, spec.batch);
  own_.push_back(std::move(own));
}

void Suite::add_step(const std::string& contender, const std::string& note, const std::string& path, Stepper& stepper,
                     const Work& work) {
  auto m = std::make_unique<Measurement>();
  m->contender = contender;
  m->path = path;
  m->note = note;
  m->rows = workload_.spec.rows;
  m->work = work;
  m->run = [this, &stepper] {
    at_ = at_ + 1 < workload_.steps() ? at_ + 1 : 0;
    stepper.step(workload_.x.data() + at_ * workload_.step_size(), out_.data());
  };
  measurements_.push_back(std::move(m));
}

void Suite::add_error(const std::string& contender, const Array& got) {
  errors_.emplace_back(contender, std::make_pair(quant::sqnr_db(truth_, got, true), largest_difference(truth_, got)));
}

Array Suite::outputs_of(Stepper& stepper) const {
  const WorkloadSpec& spec = workload_.spec;
  const auto x = workload_.windows.to_vector<float>();
  const int64_t all = spec.checked, row = spec.rows, columns = spec.columns;
  std::vector<float> y(static_cast<size_t>(all * spec.outputs)), features(static_cast<size_t>(row * columns));
  for (int64_t first = 0; first < all; first += row) {
    stepper.reset();
    for (int64_t t = 0; t < spec.window; ++t) {
      std::copy_n(x.begin() + (t * all + first) * columns, row * columns, features.begin());
      stepper.step(features.data(), y.data() + first * spec.outputs);
    }
  }
  return Array::from(y, {all, spec.outputs});
}

double Suite::floor_ns(const Work& work) const {
  double seconds = 0;
  if (work.bytes > 0) seconds = work.passes * median(reading_.at(work.bytes));
  const bool integers = work.byte_products > 0;
  const double peak = median(integers ? peak_ : f32_peak_);
  if (peak > 0) seconds = std::max(seconds, (integers ? work.byte_products : work.products) / peak);
  return 1e9 * seconds;
}

void Suite::round(const Budget& budget) {
  for (const auto& m : measurements_)
    if (m->work.bytes > 0) reading_[m->work.bytes];
  // A large buffer takes long to read as often as the median wants, and its speed does not change from round to round.
  constexpr double kLarge = 8 << 20;
  for (auto& [bytes, seconds] : reading_)
    if (bytes < kLarge || seconds.empty()) seconds.push_back(kernels::stream_seconds(static_cast<size_t>(bytes)));
  peak_.push_back(kernels::vnni_peak_macs_per_second());
  f32_peak_.push_back(kernels::f32_peak_macs_per_second());
  if (workload_.spec.kind == Kind::lstm)
    cells_.push_back(static_cast<double>(workload_.spec.layers) * lstm_cell_ns(workload_.spec.width));
  // All contenders in one state of the caches, then in the next: what is compared lies close in time.
  for (size_t cache = 0; cache < std::size(kCaches); ++cache)
    for (const auto& measurement : measurements_) {
      std::vector<Sampler>& samplers = samplers_[measurement.get()];
      if (cache >= samplers.size()) continue;
      if (cache > 0 && samplers[0].chunks().back() > 1e9 * kLongRun) continue;
      const double seconds[] = {budget.hot, budget.evicted, budget.cold};
      samplers[cache].run(seconds[cache], *eviction_);
    }
}

nlohmann::json Suite::results() const {
  nlohmann::json all = nlohmann::json::array();
  for (const auto& measurement : measurements_)
    for (const Sampler& sampler : samplers_.at(measurement.get())) {
      const std::vector<double> sorted = sampler.sorted();
      if (sorted.empty()) continue;
      const Measurement& m = *measurement;
      nlohmann::json row{{"kind", "time"},
                         {"contender", m.contender},
                         {"path", m.path},
                         {"cache", cache_name(sampler.cache())},
                         {"rows", m.rows},
                         {"samples", sorted.size()},
                         {"chunks", sampler.chunks()},
                         {"note", m.note},
                         {"p50", percentile(sorted, 0.5)}};
      for (const auto& [key, p] : {std::pair{"p99", 0.99}, {"p99.9", 0.999}})
        if (static_cast<double>(sorted.size()) * (1 - p) >= 1) row[key] = percentile(sorted, p);
      if (sampler.cache() == Cache::hot) {
        row["floor"] = floor_ns(m.work);
        row["byte_products"] = m.work.byte_products;
        row["bytes"] = m.work.bytes;
      }
      all.push_back(std::move(row));
    }
  for (const auto& [contender, error] : errors_) {
    nlohmann::json row{{"kind", "error"}, {"contender", contender}, {"max_error", error.second}};
    if (std::isfinite(error.first)) row["sqnr"] = error.first;
    all.push_back(std::move(row));
  }
  for (const auto& [bytes, seconds] : reading_)
    all.push_back({{"kind", "bandwidth"}, {"bytes", bytes}, {"value", bytes / median(seconds)}});
  all.push_back({{"kind", "vnni_peak"}, {"value", median(peak_)}});
  all.push_back({{"kind", "f32_peak"}, {"value", median(f32_peak_)}});
  if (!cells_.empty()) all.push_back({{"kind", "cells"}, {"value", median(cells_)}});
  return all;
}

void Suite::export_to(const std::string& folder) {
  std::vector<nn::NamedTensor> tensors;
  for (const auto& [name, parameter] : workload_.net->collect_params()) tensors.push_back({name, parameter.data()});
  tensors.push_back({"bench.windows", workload_.windows});
  tensors.push_back({"bench.truth", truth_.astype(DType::f32)});
  const WorkloadSpec& s = workload_.spec;
  nn::save_safetensors(folder + "/" + s.name + ".safetensors", tensors,
                       {{"kind", kind_name(s.kind)},
                        {"window", std::to_string(s.window)},
                        {"rows", std::to_string(s.rows)},
                        {"layers", std::to_string(s.layers)}});
}

}  // namespace quantick::bench
