#include "quantick/cli/pipeline/model_stage.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <numeric>

#include "quantick/cli/pipeline/network.h"
#include "quantick/core/error.h"
#include "quantick/core/hash.h"
#include "quantick/core/log.h"
#include "quantick/nn/safetensors.h"
#include "quantick/optim/loss.h"
#include "quantick/runtime/model_file.h"
#include "quantick/runtime/session.h"
#include "quantick/train/predict.h"
#include "quantick/train/progress_bar.h"

namespace quantick::cli {
namespace {

/// Scores per call of the float network and of a session.
constexpr int64_t kBatch = 512;
/// Validation scores that the error report compares on.
constexpr int64_t kReportSamples = 2048;

/// On a terminal every line overwrites the last; elsewhere only whole epochs are printed.
void print_progress(std::string_view line, bool last) {
  static const bool terminal = isatty(STDERR_FILENO) == 1;
  if (!terminal && !last) return;
  std::fprintf(stderr, "%s%.*s%s", terminal ? "\r\033[K  " : "  ", static_cast<int>(line.size()), line.data(),
               last ? "\n" : "");
}

double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// `count` positions spread evenly over a list of `size`.
std::vector<int64_t> spread(int64_t size, int64_t count) {
  count = std::min(size, count);
  std::vector<int64_t> out(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) out[static_cast<size_t>(i)] = i * size / count;
  return out;
}

/// Samples with about so many scores: fewer where a sample is a date.
int64_t samples_of(const Samples& samples, int64_t scores) { return std::max<int64_t>(1, scores / samples.outputs()); }

/// "hidden_size 64, num_layers 2".
struct FieldText {
  std::string text;
  void operator()(const auto& options) {
    for_each_field(options, [&](std::string_view name, const auto& value, std::string_view) {
      if constexpr (requires { value.size() && value.empty() && value.front() == 0; })
        text += fmt::format(", {} {}", name, fmt::join(value, " "));
      else
        text += fmt::format(", {} {}", name, value);
    });
  }
};

/// Facts about the data file itself may change: a backtest on newer data than the training's is the normal case.
constexpr std::string_view kDataHash = "data_sha256";
constexpr std::string_view kNetworkHash = "network_sha256";

void require_same(const Facts& facts, const Facts& found, const std::string& path) {
  for (const auto& [name, expected] : facts) {
    if (name == kDataHash || name == "quantick_version") continue;
    const auto entry = found.find(name);
    const std::string was = entry == found.end() ? "nothing" : entry->second;
    QTK_CHECK(was == expected, ValueError, "[run] {} was made with {} = {}, expected {}: train and quantize again",
              path, name, was, expected);
  }
}

}  // namespace

Facts facts_of(const RunConfig& config, const PreparedData& data) {
  const auto& scaler = data.scaler;
  const auto& d = config.dataset;
  FieldText model{config.model.name};
  visit_model(config, model);
  return {{"quantick_version", QTK_VERSION},
          {"run", config.name},
          {"seed", std::to_string(config.seed)},
          {"model", model.text},
          {std::string(kDataHash), data.panel.source.sha256},
          {"features", fmt::format("{}", fmt::join(data.feature_names, "; "))},
          {"scaler_kind", scaler.kind},
          {"scaler_clip", fmt::format("{}", scaler.clip)},
          {"scaler_center", fmt::format("{}", fmt::join(scaler.center, " "))},
          {"scaler_scale", fmt::format("{}", fmt::join(scaler.scale, " "))},
          {"window", std::to_string(d.samples.window)},
          {"label", fmt::format("{}, return from close t+1 to close t+1+{}, volatility bars {}", d.samples.label,
                                d.samples.horizon, d.samples.label_volatility_bars)},
          {"train", d.train.from.to_string() + " " + d.train.to.to_string()}};
}

void load_network(const RunConfig& config, const PreparedData& data, nn::Sequential& net) {
  const std::string path = network_path(config);
  QTK_CHECK(std::filesystem::exists(path), IoError, "[run] {} is not there; first: quantick train {}", path,
            config.path);
  nn::Metadata metadata;
  const auto tensors = nn::load_safetensors(path, &metadata);
  require_same(facts_of(config, data), metadata, path);
  for (const auto& [name, value] : tensors)
    for (const double v : value.to_vector<double>())
      QTK_CHECK(std::isfinite(v), FormatError, "[run] {}: parameter {} holds {}: the file is damaged", path, name, v);
  nn::assign_parameters(net, tensors, path);
}

runtime::Program load_model(const RunConfig& config, const PreparedData& data) {
  const std::string path = model_path(config);
  QTK_CHECK(std::filesystem::exists(path), IoError, "[run] {} is not there; first: quantick quantize {}", path,
            config.path);
  runtime::Program program = runtime::load(path);
  Facts facts = facts_of(config, data);
  facts[std::string(kNetworkHash)] = sha256_file(network_path(config));
  require_same(facts, program.metadata, path);
  return program;
}

std::string network_path(const RunConfig& config) { return config.output + "/network.safetensors"; }
std::string model_path(const RunConfig& config) { return config.output + "/model.qtk"; }

train::History train_network(const RunConfig& config, const PreparedData& data, nn::Sequential& net, bool resume) {
  const TrainConfig& t = config.train;
  const auto training = make_samples(config, *data.dataset, data.train);
  const auto validation = make_samples(config, *data.dataset, data.valid);
  const auto loss = optim::make_loss(t.loss.name, kwargs_of(t.loss));
  const std::string checkpoint = config.output + "/checkpoint.safetensors";
  QTK_CHECK(!resume || std::filesystem::exists(checkpoint), ValueError,
            "[train] --resume, but {} is not there: no training of this run was interrupted", checkpoint);
  train::FitOptions options{.epochs = t.epochs,
                            .batch_size = t.batch_size,
                            .batching = t.batching,
                            .seed = static_cast<uint64_t>(config.seed),
                            .optimizer = t.optimizer.name,
                            .optimizer_kwargs = kwargs_of(t.optimizer),
                            .clip_gradient_norm = t.clip_norm,
                            .layout = training->layout(),
                            .validation = validation.get(),
                            .monitor = t.monitor,
                            .patience = t.patience,
                            .checkpoint = checkpoint,
                            .facts = facts_of(config, data),
                            .resume = resume,
                            .clock = seconds};
  if (!t.lr_scheduler.name.empty()) {
    options.lr_scheduler = t.lr_scheduler.name;
    options.lr_scheduler_kwargs = kwargs_of(t.lr_scheduler);
  }
  log(LogLevel::info, fmt::format("Training {} parameters on {} {}", net.parameter_count(), training->size(),
                                  sees_whole_dates(config) ? "dates" : "samples"));
  train::ProgressBar progress(print_progress);
  train::Callback* const callbacks[] = {&progress};
  const train::History history = train::fit(net, *loss, *training, options, callbacks);
  std::vector<nn::NamedTensor> tensors;
  for (const auto& [name, parameter] : net.collect_params()) tensors.push_back({name, parameter.data()});
  nn::save_safetensors(network_path(config), tensors, facts_of(config, data));
  std::filesystem::remove(checkpoint);
  if (history.best_epoch == 0)
    log(LogLevel::warning, fmt::format("{} was undefined after every epoch; the last weights are kept", t.monitor));
  log(LogLevel::info, fmt::format("  kept epoch {}{}", history.best_epoch,
                                  history.stop_reason.empty() ? "" : "; " + history.stop_reason));
  return history;
}

quant::QuantizedNet quantize_network(const RunConfig& config, const PreparedData& data, nn::Sequential& net) {
  const auto training = make_samples(config, *data.dataset, data.train);
  const auto validation = make_samples(config, *data.dataset, data.valid);
  const int64_t count = std::min(samples_of(*training, config.quantize.num_calib_samples), training->size());
  const int64_t batch = samples_of(*training, kBatch);
  quant::CalibrationData calibration;
  for (int64_t begin = training->size() - count; begin < training->size(); begin += batch) {
    std::vector<int64_t> ids(static_cast<size_t>(std::min(batch, training->size() - begin)));
    std::iota(ids.begin(), ids.end(), begin);
    calibration.batches.push_back(train::batch_inputs(*training, ids, training->layout()));
  }
  log(LogLevel::info, fmt::format("Quantizing, calibrated on the {} newest training {}", count,
                                  sees_whole_dates(config) ? "dates" : "samples"));
  const auto held_ids = spread(validation->size(), samples_of(*validation, kReportSamples));
  const Array held_out = train::batch_inputs(*validation, held_ids, validation->layout());
  quant::QuantizedNet out = quant::quantize_net(net, config.quantize, calibration, held_out);
  for (auto& [key, value] : facts_of(config, data)) out.program.metadata[key] = value;
  out.program.metadata[std::string(kNetworkHash)] = sha256_file(network_path(config));
  // A whole date has a column per instrument, step and feature: their order stands in Samples.
  if (!sees_whole_dates(config))
    for (auto& input : out.program.inputs) input.columns = data.feature_names;
  runtime::save(out.program, model_path(config));
  return out;
}

strategy::ScoreMatrix score_float(const RunConfig& config, const PreparedData& data, nn::Sequential& net) {
  const auto test = make_samples(config, *data.dataset, data.test_predictions);
  const auto outputs = train::predict(net, *test, {.batch_size = samples_of(*test, kBatch), .layout = test->layout()});
  return to_matrix(*data.dataset, data.test_predictions, test->per_id(outputs));
}

strategy::ScoreMatrix score_program(const RunConfig& config, const PreparedData& data,
                                    const runtime::Program& program) {
  const auto test = make_samples(config, *data.dataset, data.test_predictions);
  const runtime::Session session(program);
  const int64_t rows = samples_of(*test, kBatch);
  std::vector<float> outputs;
  for (int64_t begin = 0; begin < test->size(); begin += rows) {
    std::vector<int64_t> ids(static_cast<size_t>(std::min(rows, test->size() - begin)));
    std::iota(ids.begin(), ids.end(), begin);
    const auto batch = session.run(train::batch_inputs(*test, ids, test->layout())).to_vector<float>();
    outputs.insert(outputs.end(), batch.begin(), batch.end());
  }
  return to_matrix(*data.dataset, data.test_predictions, test->per_id(outputs));
}

}  // namespace quantick::cli
