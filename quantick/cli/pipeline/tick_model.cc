#include "quantick/cli/pipeline/tick_model.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <functional>
#include <limits>
#include <numeric>

#include "quantick/core/error.h"
#include "quantick/core/log.h"
#include "quantick/optim/loss.h"
#include "quantick/quant/quantizer.h"
#include "quantick/risk/statistics.h"
#include "quantick/runtime/model_file.h"
#include "quantick/runtime/session.h"
#include "quantick/train/fit.h"
#include "quantick/train/predict.h"
#include "quantick/train/progress_bar.h"

namespace quantick::cli {
namespace {

/// Windows per call of a network.
constexpr int64_t kBatch = 512;
/// Validation rows that the error report compares on.
constexpr int64_t kReportRows = 2048;

double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

void print_epochs(std::string_view line, bool last) {
  if (last) std::fprintf(stderr, "  %.*s\n", static_cast<int>(line.size()), line.data());
}

/// The part that training and the tick path share; in training only the last step has a label.
std::unique_ptr<nn::Sequential> make_net(const ReplayConfig& config, int64_t features, bool last_only) {
  const ReplayModelConfig& m = config.model;
  auto net = std::make_unique<nn::Sequential>();
  net->add(nn::LSTM(m.hidden_size, {.num_layers = m.num_layers,
                                    .h2h_weight_initializer = nn::orthogonal(),
                                    .i2h_bias_initializer = nn::lstm_bias()}));
  if (last_only) net->add(nn::SequenceLast());
  net->add(nn::Dense(1, {.flatten = false}));
  net->initialize(nn::xavier(), static_cast<uint64_t>(config.seed));
  net->trace({{DType::f32, Shape{m.window, 1, features}}});  // completes open shapes
  return net;
}

/// Rows [begin, end) as one sequence [rows, 1, features].
Array sequence(const TickData& data, int64_t begin, int64_t end) {
  const auto width = static_cast<size_t>(data.width());
  const std::vector<float> x(data.x.begin() + static_cast<int64_t>(static_cast<size_t>(begin) * width),
                             data.x.begin() + static_cast<int64_t>(static_cast<size_t>(end) * width));
  return Array::from(x, Shape{end - begin, 1, data.width()});
}

/// The rows [begin, end), stretch by stretch.
std::vector<Array> sequences(const TickData& data, int64_t begin, int64_t end) {
  std::vector<Array> out;
  const auto bounds = data.bounds();
  for (size_t i = 0; i + 1 < bounds.size(); ++i) {
    const int64_t from = std::max(begin, bounds[i]), to = std::min(end, bounds[i + 1]);
    if (from < to) out.push_back(sequence(data, from, to));
  }
  return out;
}

/// Newest row of training whose label does not reach the validation part that begins at `split`, and one.
int64_t purged_end(const ReplayConfig& config, const TickData& day, int64_t split) {
  if (config.label.ticks > 0) return std::max<int64_t>(0, split - config.label.ticks);
  const auto time_of = [&](int64_t row) {
    return day.matrix.points[static_cast<size_t>(day.events[static_cast<size_t>(row)])].time;
  };
  const int64_t horizon = std::llround(config.label.seconds * 1e9);
  int64_t end = split;
  while (end > 0 && time_of(end - 1) + horizon >= time_of(split)) --end;
  return end;
}

double deviation_of(const TickData& day, int64_t rows) {
  std::vector<double> labels;
  for (int64_t row = 0; row < rows; ++row)
    if (std::isfinite(day.label[static_cast<size_t>(row)])) labels.push_back(day.label[static_cast<size_t>(row)]);
  const double deviation = labels.size() < 2 ? 0 : risk::standard_deviation(labels);
  QTK_CHECK(deviation > 0, ValueError, "[replay] the training labels do not vary ({} of them)", labels.size());
  return deviation;
}

void train_net(const ReplayConfig& config, const TickSamples& training, const TickSamples& validation,
               nn::Sequential& net, train::History& history) {
  const ReplayTrainConfig& t = config.train;
  const train::FitOptions options{.epochs = t.epochs,
                                  .batch_size = t.batch_size,
                                  .seed = static_cast<uint64_t>(config.seed),
                                  .optimizer = "Adam",
                                  .optimizer_kwargs = {{"learning_rate", t.learning_rate}},
                                  .clip_gradient_norm = t.clip_norm,
                                  .validation = &validation,
                                  .monitor = "ic",
                                  .patience = t.patience,
                                  .clock = seconds};
  train::ProgressBar progress(print_epochs);
  train::Callback* const callbacks[] = {&progress};
  history = train::fit(net, optim::L2Loss(), training, options, callbacks);
}

/// What a network sees of the rows, and how its answers come back to them.
std::vector<float> signals_of(const ReplayConfig& config, const TickData& data,
                              const std::function<Array(const Array&)>& run) {
  std::vector<float> out(static_cast<size_t>(data.rows()), std::numeric_limits<float>::quiet_NaN());
  const auto bounds = data.bounds();
  if (config.model.carried) {
    for (size_t i = 0; i + 1 < bounds.size(); ++i) {
      const auto values = run(sequence(data, bounds[i], bounds[i + 1])).to_vector<float>();
      std::copy(values.begin(), values.end(), out.begin() + bounds[i]);
    }
    return out;
  }
  const int64_t window = config.model.window, width = data.width();
  std::vector<int64_t> full;
  for (int64_t row = 0; row < data.rows(); ++row)
    if (row - data.stretch[static_cast<size_t>(row)] + 1 >= window) full.push_back(row);
  for (size_t begin = 0; begin < full.size(); begin += kBatch) {
    const auto n = static_cast<int64_t>(std::min(full.size() - begin, static_cast<size_t>(kBatch)));
    std::vector<float> x(static_cast<size_t>(window * n * width));
    for (int64_t k = 0; k < n; ++k)
      for (int64_t step = 0; step < window; ++step)
        std::copy_n(data.x.data() + (full[begin + static_cast<size_t>(k)] - window + 1 + step) * width, width,
                    x.data() + (step * n + k) * width);
    const auto values = run(Array::from(x, Shape{window, n, width})).to_vector<float>();
    for (int64_t k = 0; k < n; ++k)
      out[static_cast<size_t>(full[begin + static_cast<size_t>(k)])] =
          values[static_cast<size_t>((window - 1) * n + k)];
  }
  return out;
}

/// What calibration sees: the newest training rows as the tick path would meet them.
quant::CalibrationData calibration_of(const ReplayConfig& config, const TickSamples& training, const TickData& day,
                                      int64_t rows) {
  const int64_t wanted = config.quantize.num_calib_samples;
  if (config.model.carried) return {sequences(day, std::max<int64_t>(0, rows - wanted), rows)};
  quant::CalibrationData out;
  for (int64_t begin = std::max<int64_t>(0, training.size() - wanted); begin < training.size(); begin += kBatch) {
    std::vector<int64_t> ids(static_cast<size_t>(std::min(kBatch, training.size() - begin)));
    std::iota(ids.begin(), ids.end(), begin);
    out.batches.push_back(train::batch_inputs(training, ids, "TNC"));
  }
  return out;
}

}  // namespace

TickModel make_tick_model(const ReplayConfig& config, TickData& day) {
  TickModel out;
  const auto split = static_cast<int64_t>(std::floor(static_cast<double>(day.rows()) * (1 - config.train.valid_share)));
  out.train_rows = purged_end(config, day, split);
  out.valid_begin = split;
  QTK_CHECK(out.train_rows > 0, ValueError,
            "[replay] rows to learn from, were none of {}: the labels of all reach into the newest, which choose the "
            "epoch; choose a shorter label, or more ticks",
            day.rows());
  out.scaler = fit_scaler(config, day, out.train_rows);
  scale(day, out.scaler);
  out.unit = deviation_of(day, out.train_rows);
  const TickSamples training(day, config.model.window, 0, out.train_rows, out.unit);
  const TickSamples validation(day, config.model.window, split, day.rows(), out.unit);
  out.train_samples = training.size();
  out.valid_samples = validation.size();
  QTK_CHECK(training.size() > 0 && validation.size() > 2, ValueError,
            "[replay] {} windows of {} rows to train on and {} to choose the epoch, expected more of both",
            training.size(), config.model.window, validation.size());
  const auto learner = make_net(config, day.width(), true);
  out.parameters = learner->parameter_count();
  log(LogLevel::info, fmt::format("Training {} parameters on {} windows, choosing the epoch on {}", out.parameters,
                                  training.size(), validation.size()));
  train_net(config, training, validation, *learner, out.history);
  out.net = make_net(config, day.width(), false);
  const auto from = learner->collect_params(), to = out.net->collect_params();
  QTK_ASSERT(from.size() == to.size());
  for (size_t i = 0; i < to.size(); ++i) nn::Parameter(to[i].second).set_data(from[i].second.data());

  const Array held_out = sequences(day, split, std::min(split + kReportRows, day.rows())).front();
  auto quantized =
      quant::quantize_net(*out.net, config.quantize, calibration_of(config, training, day, out.train_rows), held_out);
  out.program = std::move(quantized.program);
  out.report = std::move(quantized.report);
  for (auto& input : out.program.inputs) input.columns = day.matrix.names;
  auto& facts = out.program.metadata;
  facts["quantick_version"] = QTK_VERSION;
  facts["run"] = config.name;
  facts["scaler_center"] = fmt::format("{}", fmt::join(out.scaler.center, " "));
  facts["scaler_scale"] = fmt::format("{}", fmt::join(out.scaler.scale, " "));
  facts["scaler_clip"] = fmt::format("{}", out.scaler.clip);
  facts["label"] = fmt::format("return of the mid over {} ticks or {} s, in units of {}", config.label.ticks,
                               config.label.seconds, out.unit);
  runtime::save(out.program, config.output + "/model.qtk");
  return out;
}

std::vector<float> batch_signals(const ReplayConfig& config, const runtime::Program& program, const TickData& data) {
  const runtime::Session session(program);
  return signals_of(config, data, [&](const Array& x) { return session.run(x); });
}

std::vector<float> float_signals(const ReplayConfig& config, nn::Sequential& net, const TickData& data) {
  return signals_of(config, data, [&](const Array& x) { return net(x); });
}

}  // namespace quantick::cli
