#include "bench/workload.h"

#include <cmath>

#include "quantick/core/error.h"
#include "quantick/nn/nn.h"
#include "quantick/nn/zoo/deeplob.h"
#include "quantick/nn/zoo/tcn.h"

namespace quantick::bench {
namespace {

constexpr int64_t kTaps = 8;  // of the convolutions
constexpr int64_t kCalibrationRows = 32;
constexpr int64_t kStepBytes = 64 << 10;  // of the features that steps go through in turn: small beside any model
constexpr int64_t kLong = 100, kWide = 512;
constexpr double kMemory = 0.98;  // of a feature from step to step
// Gates of a trained network differ in range, and a scale of one gate must not suit another by luck.
constexpr float kGateFactor[] = {1.0f, 0.7f, 1.4f, 1.2f};

std::vector<WorkloadSpec> specs() {
  const auto lstm = [](const char* name, int64_t columns, int64_t window, int64_t layers, int64_t width,
                       int64_t outputs) {
    return WorkloadSpec{.name = name,
                        .kind = Kind::lstm,
                        .columns = columns,
                        .window = window,
                        .layers = layers,
                        .width = width,
                        .outputs = outputs};
  };
  // The window of the convolutions is what their newest output can see: 3 * 7 + 1 steps.
  const auto cnn = [](const char* name, int64_t width) {
    return WorkloadSpec{.name = name,
                        .kind = Kind::convolution,
                        .columns = width,
                        .window = 3 * (kTaps - 1) + 1,
                        .layers = 3,
                        .width = width,
                        .outputs = 32};
  };
  const auto mlp = [](const char* name, int64_t rows) {
    return WorkloadSpec{
        .name = name, .kind = Kind::dense, .columns = 256, .rows = rows, .outputs = 128, .batch = 512, .checked = 256};
  };
  std::vector<WorkloadSpec> all = {lstm("lstm_2x64", 64, 20, 2, 64, 32),
                                   lstm("lstm_2x128", 128, 20, 2, 128, 32),
                                   lstm("lstm_3x256", 256, 20, 3, 256, 32),
                                   lstm("market_lstm_a", 100, 50, 2, 100, 1),
                                   lstm("market_lstm_b", 250, 100, 3, 200, 1),
                                   lstm("market_lstm_c", 500, 100, 4, 1000, 1),
                                   cnn("cnn_3x128", 128),
                                   cnn("cnn_3x256", 256),
                                   mlp("mlp_256_384_384_128", 1),
                                   mlp("mlp_256_384_384_128_batch4", 4),
                                   mlp("mlp_256_384_384_128_batch8", 8),
                                   {.name = "deeplob", .kind = Kind::book, .columns = 40, .window = 100, .outputs = 3}};
  for (WorkloadSpec& spec : all) {  // long windows and wide layers take their time, float64 more so
    if (spec.window >= kLong) spec.batch = 64, spec.checked = 8;
    if (spec.width >= kWide) spec.batch = 8, spec.checked = 2;
  }
  return all;
}

/// Rows of each gate times its factor, and small random biases.
void make_unequal(nn::Block& net, const Key& key) {
  for (auto& [path, parameter] : net.collect_params()) {
    Array array = parameter.data();
    float* value = array.mutable_data<float>();
    const int64_t rows = array.shape()[0], columns = array.size() / rows;
    const bool recurrent = path.find("2h_") != std::string::npos;
    if (path.ends_with("bias"))
      for (int64_t r = 0; r < rows; ++r)
        value[r] = 0.2f * static_cast<float>(key.fold(path).normal(static_cast<uint64_t>(r)));
    else if (recurrent)
      for (int64_t i = 0; i < array.size(); ++i) value[i] *= kGateFactor[i / columns * 4 / rows];
  }
}

std::vector<float> values(const nn::Block& net, const std::string& path) {
  for (const auto& [name, parameter] : net.collect_params())
    if (name == path) return parameter.data().to_vector<float>();
  fail<IndexError>("[bench] parameter {}, expected one of the network's", path);
}

void take_weights(Workload& w) {
  const auto dense = [&](const std::string& path, int64_t inputs, int64_t units, bool relu) {
    w.dense.push_back({inputs, units, values(*w.net, path + ".weight"), values(*w.net, path + ".bias"), relu});
  };
  if (w.spec.kind == Kind::lstm) {
    for (int64_t k = 0; k < w.spec.layers; ++k) {
      const std::string layer = "0.l" + std::to_string(k);
      LstmWeights weights{k == 0 ? w.spec.columns : w.spec.width, w.spec.width, values(*w.net, layer + "_i2h_weight"),
                          values(*w.net, layer + "_h2h_weight"), values(*w.net, layer + "_i2h_bias")};
      const std::vector<float> recurrent = values(*w.net, layer + "_h2h_bias");
      for (size_t i = 0; i < recurrent.size(); ++i) weights.bias[i] += recurrent[i];
      w.lstm.push_back(std::move(weights));
    }
    dense("2", w.spec.width, w.spec.outputs, false);
  }
  if (w.spec.kind == Kind::dense) {
    dense("0", 256, 384, true);
    dense("1", 384, 384, true);
    dense("2", 384, 128, false);
  }
}

}  // namespace

std::string kind_name(Kind kind) {
  static constexpr const char* kNames[] = {"lstm", "convolution", "dense", "book"};
  return kNames[static_cast<size_t>(kind)];
}

const std::vector<WorkloadSpec>& workload_specs() {
  static const std::vector<WorkloadSpec> all = specs();
  return all;
}

const WorkloadSpec& workload_spec(const std::string& name) {
  std::string names;
  for (const WorkloadSpec& spec : workload_specs()) {
    if (spec.name == name) return spec;
    names += " " + spec.name;
  }
  fail<ValueError>("[bench] workload, was \"{}\", expected one of{}", name, names);
}

std::unique_ptr<nn::Block> make_net(const WorkloadSpec& spec) {
  std::unique_ptr<nn::Block> net;
  nn::zoo::TCNOptions cnn = nn::zoo::causal_cnn(spec.layers, spec.width);
  cnn.outputs = spec.outputs;
  switch (spec.kind) {
    case Kind::lstm:
      net = std::make_unique<nn::Sequential>(nn::LSTM(spec.width, {.num_layers = spec.layers}), nn::SequenceLast(),
                                             nn::Dense(spec.outputs));
      break;
    case Kind::convolution:
      net = std::make_unique<nn::zoo::TCN>(cnn);
      break;
    case Kind::dense:
      net = std::make_unique<nn::Sequential>(nn::Dense(384, {.activation = "relu"}),
                                             nn::Dense(384, {.activation = "relu"}), nn::Dense(spec.outputs));
      break;
    case Kind::book:
      net = std::make_unique<nn::zoo::DeepLOB>(
          nn::zoo::DeepLOBOptions{.features = spec.columns, .outputs = spec.outputs});
      break;
  }
  net->initialize(nn::xavier(), 7);
  return net;
}

Array random_walks(const WorkloadSpec& spec, int64_t rows, const Key& key) {
  const int64_t step = rows * spec.columns;
  std::vector<float> values(static_cast<size_t>(spec.window * step));
  const double fresh = std::sqrt(1 - kMemory * kMemory);
  for (int64_t t = 0; t < spec.window; ++t)
    for (int64_t i = 0; i < step; ++i) {
      const int64_t at = t * step + i;
      const double draw = key.normal(static_cast<uint64_t>(at));
      values[static_cast<size_t>(at)] =
          static_cast<float>(t == 0 ? draw : kMemory * values[static_cast<size_t>(at - step)] + fresh * draw);
    }
  if (spec.window == 1) return Array::from(values, {rows, spec.columns});
  return Array::from(values, {spec.window, rows, spec.columns});
}

Workload make_workload(const WorkloadSpec& spec) {
  Workload w{.spec = spec, .net = make_net(spec)};
  w.calibration = random_walks(spec, std::min(spec.checked, kCalibrationRows), Key(1));
  w.windows = random_walks(spec, spec.checked, Key(2));
  (*w.net)(w.calibration);
  make_unequal(*w.net, Key(3));
  take_weights(w);
  WorkloadSpec stretch = spec;
  stretch.window = std::max<int64_t>(2, kStepBytes / static_cast<int64_t>(sizeof(float)) / w.step_size());
  w.x = random_walks(stretch, spec.rows, Key(4)).to_vector<float>();
  return w;
}

Array truth_of(const Workload& w) {
  const auto net = make_net(w.spec);
  (*net)(w.calibration);  // completes the shapes
  auto mine = net->collect_params();
  auto given = w.net->collect_params();
  for (size_t i = 0; i < mine.size(); ++i) mine[i].second.set_data(given[i].second.data());
  net->cast(DType::f64);
  return (*net)(w.windows.astype(DType::f64));
}

}  // namespace quantick::bench
