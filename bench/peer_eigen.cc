#include "bench/peers.h"

#if QTK_HAS_EIGEN
#include <Eigen/Dense>

#include "quantick/kernels/lstm_cell_f32/lstm_cell_f32.h"
#endif

namespace quantick::bench {

#if QTK_HAS_EIGEN
namespace {

using Vector = Eigen::VectorXf;

/// Storage orders have different products; which one is faster depends on the shape.
template <int kOrder>
class EigenStepper final : public Stepper {
 public:
  using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, kOrder>;

  explicit EigenStepper(const Workload& w) : rows_(w.spec.rows) {
    for (const LstmWeights& weights : w.lstm) {
      Layer layer;
      const int64_t in = weights.inputs, units = weights.units;
      layer.weights.resize(4 * units, in + units);
      for (int64_t r = 0; r < 4 * units; ++r) {
        for (int64_t k = 0; k < in; ++k) layer.weights(r, k) = weights.wx[static_cast<size_t>(r * in + k)];
        for (int64_t k = 0; k < units; ++k) layer.weights(r, in + k) = weights.wh[static_cast<size_t>(r * units + k)];
      }
      layer.bias = weights.bias;
      layer.in = in;
      layer.x = Vector::Zero(in + units);
      layer.gates = Vector::Zero(4 * units);
      layer.c = Vector::Zero(units);
      layers_.push_back(std::move(layer));
    }
    for (const DenseWeights& weights : w.dense) {
      Head head;
      head.weights.resize(weights.units, weights.inputs);
      for (int64_t r = 0; r < weights.units; ++r)
        for (int64_t k = 0; k < weights.inputs; ++k)
          head.weights(r, k) = weights.weight[static_cast<size_t>(r * weights.inputs + k)];
      head.bias = Eigen::Map<const Vector>(weights.bias.data(), weights.units);
      head.y = Columns::Zero(weights.units, rows_);
      head.relu = weights.relu;
      heads_.push_back(std::move(head));
    }
  }

  void reset() override {
    for (Layer& layer : layers_) layer.x.setZero(), layer.c.setZero();
  }

  void step(const float* features, float* out) override {
    const float* x = features;
    for (Layer& layer : layers_) {
      const int64_t units = layer.c.size();
      std::copy_n(x, layer.in, layer.x.data());
      layer.gates.noalias() = layer.weights * layer.x;
      float* h = layer.x.data() + layer.in;
      kernels::lstm_cell_forward({.rows = 1,
                                  .units = units,
                                  .gates = layer.gates.data(),
                                  .bias = layer.bias.data(),
                                  .c_before = layer.c.data(),
                                  .c = layer.c.data(),
                                  .h = h,
                                  .h_stride = units});
      x = h;
    }
    for (Head& head : heads_) {
      const Eigen::Map<const Columns> in(x, head.weights.cols(), rows_);
      // Its matrix-matrix product packs the weights anew in each call, which these few rows do not pay for.
      for (int64_t row = 0; row < rows_; ++row) head.y.col(row).noalias() = head.weights * in.col(row);
      head.y.colwise() += head.bias;
      if (head.relu) head.y = head.y.cwiseMax(0.0f);
      x = head.y.data();
    }
    std::copy_n(x, heads_.back().y.size(), out);
  }

 private:
  using Columns = Eigen::MatrixXf;  // a row of the batch is a column
  struct Layer {
    Matrix weights;  ///< of x and h side by side
    std::vector<float> bias;
    int64_t in = 0;
    Vector x;  ///< x, then h
    Vector gates, c;
  };
  struct Head {
    Matrix weights;
    Vector bias;
    Columns y;
    bool relu = false;
  };
  int64_t rows_;
  std::vector<Layer> layers_;
  std::vector<Head> heads_;
};

}  // namespace

std::vector<Contender> eigen_contenders(const Workload& w) {
  std::vector<Contender> contenders;
  if (w.dense.empty()) return contenders;
  auto by_rows = std::make_unique<EigenStepper<Eigen::RowMajor>>(w);
  auto by_columns = std::make_unique<EigenStepper<Eigen::ColMajor>>(w);
  if (trial_ns(*by_rows, w) <= trial_ns(*by_columns, w))
    contenders.push_back({"eigen_f32", "row-major weights", std::move(by_rows)});
  else
    contenders.push_back({"eigen_f32", "column-major weights", std::move(by_columns)});
  return contenders;
}
#else
std::vector<Contender> eigen_contenders(const Workload&) { return {}; }
#endif

}  // namespace quantick::bench
