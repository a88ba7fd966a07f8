// Trains a small residual network on Fashion-MNIST (Xiao, Rasul & Vollgraf 2017), quantizes it by calibration alone,
// and compares the two on the 10,000 test images, image by image. Run it with `make fashion-mnist`.
//   quantick_fashion_mnist [EPOCHS] [FOLDER]     4 epochs, Debian's folder of dataset-fashion-mnist
#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <numeric>

#include "quantick/autograd/autograd.h"
#include "quantick/core/rng.h"
#include "quantick/nn/nn.h"
#include "quantick/nn/zoo/resnet.h"
#include "quantick/ops/ops.h"
#include "quantick/optim/optimizer.h"
#include "quantick/quant/quantizer.h"

namespace {

using namespace quantick;

constexpr int64_t kBatch = 64, kCalibration = 1024, kSide = 28, kClasses = 10;
constexpr double kLearningRate = 2e-3;
/// Draws behind the interval of the difference.
constexpr int kResamples = 2000;

/// The numbers behind the header of an IDX file: bytes, with extents in big-endian 32-bit words.
std::vector<uint8_t> read_idx(const std::string& path, size_t extents) {
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose);
  QTK_CHECK(file != nullptr, IoError, "[fashion_mnist] cannot open {}: install dataset-fashion-mnist", path);
  std::vector<uint8_t> header(4 + 4 * extents);
  const auto read = [&](std::vector<uint8_t>& to) {
    const int got = gzread(file.get(), to.data(), static_cast<unsigned>(to.size()));
    QTK_CHECK(got == static_cast<int>(to.size()), FormatError, "[fashion_mnist] {}, is cut", path);
  };
  read(header);
  QTK_CHECK(header[2] == 8 && header[3] == extents, FormatError, "[fashion_mnist] {}, is no IDX file of bytes", path);
  size_t size = 1;
  for (size_t i = 0; i < extents; ++i) {
    const uint8_t* at = &header[4 + 4 * i];
    size *=
        static_cast<size_t>(at[0]) << 24 | static_cast<size_t>(at[1]) << 16 | static_cast<size_t>(at[2]) << 8 | at[3];
  }
  std::vector<uint8_t> data(size);
  read(data);
  return data;
}

struct Images {
  Array pixels;                 ///< [N, 1, 28, 28] in 0..1
  std::vector<uint8_t> labels;  ///< 0..9
  int64_t size() const { return static_cast<int64_t>(labels.size()); }
};

Images load(const std::string& folder, const std::string& part) {
  const std::vector<uint8_t> bytes = read_idx(folder + "/" + part + "-images-idx3-ubyte.gz", 3);
  Images out{{}, read_idx(folder + "/" + part + "-labels-idx1-ubyte.gz", 1)};
  std::vector<float> pixels;
  for (const uint8_t b : bytes) pixels.push_back(static_cast<float>(b) / 255.0f);
  out.pixels = Array::from(pixels, {out.size(), 1, kSide, kSide});
  return out;
}

/// Mean cross entropy; labels as one-hot rows.
Array cross_entropy(const Array& scores, const Array& labels) {
  return mean(sum(log_softmax(scores) * labels, {-1})) * Array(-1.0f);
}

void train(nn::Block& net, const Images& images, int64_t epochs) {
  optim::Adam adam;
  std::vector<nn::Parameter> trained;
  for (const auto& [name, parameter] : net.collect_params())
    if (parameter.wants_grad()) trained.push_back(parameter);
  Arrays weights;
  for (const nn::Parameter& parameter : trained) weights.push_back(parameter.data());
  const int64_t steps = images.size() / kBatch;
  for (int64_t epoch = 0; epoch < epochs; ++epoch) {
    std::vector<int64_t> order(static_cast<size_t>(images.size()));
    std::iota(order.begin(), order.end(), 0);
    const Key key = Key(1).fold("order").fold(static_cast<uint64_t>(epoch));
    for (size_t i = order.size(); i-- > 1;) std::swap(order[i], order[key.below(i, i + 1)]);
    double total = 0;
    for (int64_t step = 0; step < steps; ++step) {
      const std::vector<int64_t> rows(order.begin() + step * kBatch, order.begin() + (step + 1) * kBatch);
      Array labels = Array::zeros({kBatch, kClasses});
      for (int64_t i = 0; i < kBatch; ++i)
        labels.mutable_data<float>()[i * kClasses + images.labels[static_cast<size_t>(rows[static_cast<size_t>(i)])]] =
            1;
      const Array x = take(images.pixels, Array::from(rows));
      Array loss;
      {
        const autograd::Record record;
        loss = cross_entropy(net(x), labels);
      }
      const Arrays gradients = autograd::gradients(loss, weights);
      const double done = static_cast<double>(epoch * steps + step) / static_cast<double>(epochs * steps);
      adam.step(weights, gradients, kLearningRate * 0.5 * (1 + std::cos(M_PI * done)));
      total += loss.item();
    }
    fmt::print("epoch {} of {}: loss {:.4f}\n", epoch + 1, epochs, total / static_cast<double>(steps));
    std::fflush(stdout);
  }
}

/// Which test images `predict` gets right.
template <class F>
std::vector<int> hits(const Images& images, F&& predict) {
  std::vector<int> out;
  for (int64_t at = 0; at < images.size(); at += 500) {
    const auto classes = argmax(predict(images.pixels.slice(0, at, at + 500).copy())).template to_vector<int>();
    for (const int c : classes) out.push_back(c == images.labels[out.size()]);
  }
  return out;
}

double percent(const std::vector<int>& values) {
  return 100.0 * std::accumulate(values.begin(), values.end(), 0) / static_cast<double>(values.size());
}

/// Ends of the middle 95 % of the mean of resampled values, in percent.
std::pair<double, double> interval(const std::vector<int>& values) {
  std::vector<double> means;
  for (int r = 0; r < kResamples; ++r) {
    const Key key = Key(2).fold(static_cast<uint64_t>(r));
    int64_t total = 0;
    for (size_t i = 0; i < values.size(); ++i) total += values[key.below(i, values.size())];
    means.push_back(100.0 * static_cast<double>(total) / static_cast<double>(values.size()));
  }
  std::sort(means.begin(), means.end());
  return {means[kResamples / 40], means[kResamples - 1 - kResamples / 40]};
}

}  // namespace

int main(int count, char** arguments) {
  try {
    const int64_t epochs = count > 1 ? std::stoll(arguments[1]) : 4;
    const std::string folder = count > 2 ? arguments[2] : "/usr/share/datasets/fashion-mnist";
    const Images training = load(folder, "train"), test = load(folder, "t10k");
    nn::zoo::ResNet net({.layers = {1, 1, 1}, .channels = {16, 16, 32, 64}, .classes = kClasses});
    net.initialize(nn::xavier(), 1);
    net(training.pixels.slice(0, 0, 1));
    fmt::print("{} parameters, {} training images\n", net.parameter_count(), training.size());
    train(net, training, epochs);
    const quant::QuantizedNet quantized =
        quant::quantize_net(net, {}, training.pixels.slice(0, 0, kCalibration).copy());
    const std::vector<int> real = hits(test, [&](const Array& x) { return net(x); });
    const std::vector<int> integer = hits(test, [&](const Array& x) { return quantized.predict(x); });
    std::vector<int> difference;
    for (size_t i = 0; i < real.size(); ++i) difference.push_back(integer[i] - real[i]);
    const auto [low, high] = interval(difference);
    fmt::print("top-1 of {} test images: float32 {:.2f} %, int8 {:.2f} %\n", test.size(), percent(real),
               percent(integer));
    fmt::print("difference {:+.2f} points, 95 % interval {:+.2f} .. {:+.2f} (paired, {} resamples)\n",
               percent(difference), low, high, kResamples);
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
