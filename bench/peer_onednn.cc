#include "bench/peers.h"
#include "quantick/core/cpu.h"

#if QTK_HAS_ONEDNN
#include <omp.h>
#include <dnnl.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <unordered_map>

#include "quantick/core/error.h"
#include "quantick/kernels/lstm_cell_f32/lstm_cell_f32.h"
#endif

namespace quantick::bench {

#if QTK_HAS_ONEDNN
namespace {

using dnnl::memory;
using Tag = memory::format_tag;
using Type = memory::data_type;
using Arguments = std::unordered_map<int, memory>;

// Features stay within it: eight bits of data cover +-kReach, and +-1 where only hidden states are read.
constexpr float kReach = 4.5f;
constexpr float kMiddle = 128;  // the code of 0 in unsigned data

struct Device {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
};

memory::desc plain(const memory::dims& dims, Type type, Tag tag) { return {dims, type, tag}; }

void to_codes(const float* x, int64_t n, float scale, uint8_t* codes) {
  for (int64_t i = 0; i < n; ++i)
    codes[i] = static_cast<uint8_t>(std::min(255.0f, std::max(0.0f, x[i] * scale + kMiddle)) + 0.5f);
}

float largest(const float* x, int64_t n) {
  float most = 1e-6f;
  for (int64_t i = 0; i < n; ++i) most = std::max(most, std::abs(x[i]));
  return most;
}

/// y = W x + b of `rows` rows by oneDNN's inner product: float32, or unsigned codes times signed bytes with a scale per
/// channel.
class Product {
 public:
  struct Form {
    bool bytes = false, relu = false;
    float scale_in = 1, middle_in = 0;  ///< code = value * scale + middle
    bool codes_out = false;             ///< unsigned codes of scale_out, 0 at 0
    float scale_out = 1;
  };

  Product(Device& device, const std::vector<float>& weight, const std::vector<float>& bias, int64_t rows,
          const Form& form)
      : stream_(device.stream) {
    const auto units = static_cast<int64_t>(bias.size()), inputs = static_cast<int64_t>(weight.size()) / units;
    const Type in_type = form.bytes ? Type::u8 : Type::f32, weight_type = form.bytes ? Type::s8 : Type::f32;
    const Type out_type = form.codes_out ? Type::u8 : Type::f32;
    std::vector<float> kept_bias = bias, scales;
    std::vector<int8_t> codes;
    dnnl::primitive_attr attributes;
    if (form.bytes) {
      codes.resize(weight.size());
      for (int64_t r = 0; r < units; ++r) {
        const float* row = weight.data() + r * inputs;
        const float step = largest(row, inputs) / 127;
        float sum = 0;
        for (int64_t k = 0; k < inputs; ++k) {
          const float code = std::nearbyint(row[k] / step);
          codes[static_cast<size_t>(r * inputs + k)] = static_cast<int8_t>(code);
          sum += code;
        }
        // The bias is added to the integer sums.
        const float unit = step / form.scale_in;
        kept_bias[static_cast<size_t>(r)] = kept_bias[static_cast<size_t>(r)] / unit - form.middle_in * sum;
        scales.push_back(form.codes_out ? unit * form.scale_out : unit);
      }
      attributes.set_output_scales(1 << 1, scales);
    }
    if (form.relu) {
      dnnl::post_ops relu;
      relu.append_eltwise(1, dnnl::algorithm::eltwise_relu, 0, 0);
      attributes.set_post_ops(relu);
    }
    const dnnl::inner_product_forward::primitive_desc description(
        {dnnl::prop_kind::forward_inference, plain({rows, inputs}, in_type, Tag::nc),
         plain({units, inputs}, weight_type, Tag::any), plain({units}, Type::f32, Tag::x),
         plain({rows, units}, out_type, Tag::nc)},
        attributes, device.engine);
    memory given(plain({units, inputs}, weight_type, Tag::nc), device.engine,
                 form.bytes ? static_cast<void*>(codes.data()) : const_cast<float*>(weight.data()));
    memory packed(description.weights_desc(), device.engine);
    dnnl::reorder(given, packed).execute(stream_, given, packed);
    memory biases(description.bias_desc(), device.engine);
    std::copy(kept_bias.begin(), kept_bias.end(), static_cast<float*>(biases.get_data_handle()));
    in_ = memory(description.src_desc(), device.engine);
    out_ = memory(description.dst_desc(), device.engine);
    primitive_ = dnnl::inner_product_forward(description);
    arguments_ = {{DNNL_ARG_SRC, in_}, {DNNL_ARG_WEIGHTS, packed}, {DNNL_ARG_BIAS, biases}, {DNNL_ARG_DST, out_}};
    stream_.wait();
  }

  void* in() { return in_.get_data_handle(); }
  void* out() { return out_.get_data_handle(); }
  void run() {
    primitive_.execute(stream_, arguments_);
    stream_.wait();
  }

 private:
  dnnl::stream stream_;
  memory in_, out_;
  dnnl::inner_product_forward primitive_;
  Arguments arguments_;
};

/// The Dense layers: an MLP, or the head behind an LSTM.
class DenseChain {
 public:
  /// `ranges`: largest output of each layer, for its codes.
  DenseChain(Device& device, const Workload& w, bool bytes, float scale_in, float middle_in,
             const std::vector<float>& ranges)
      : size_(w.spec.rows * w.spec.outputs) {
    for (size_t k = 0; k < w.dense.size(); ++k) {
      Product::Form form{.bytes = bytes, .relu = w.dense[k].relu, .scale_in = scale_in, .middle_in = middle_in};
      form.codes_out = bytes && k + 1 < w.dense.size();
      form.scale_out = form.codes_out ? 255 / ranges[k] : 1;
      products_.emplace_back(device, w.dense[k].weight, w.dense[k].bias, w.spec.rows, form);
      scale_in = form.scale_out;
      middle_in = 0;
    }
  }
  void* in() { return products_.front().in(); }
  void run(float* out) {
    for (size_t k = 0; k < products_.size(); ++k) {
      if (k > 0) {
        const auto bytes = static_cast<size_t>(bytes_between(k));
        std::copy_n(static_cast<const char*>(products_[k - 1].out()), bytes, static_cast<char*>(products_[k].in()));
      }
      products_[k].run();
    }
    std::copy_n(static_cast<const float*>(products_.back().out()), size_, out);
  }
  void keep_sizes(const Workload& w, bool bytes) {
    for (const DenseWeights& d : w.dense) between_.push_back(d.inputs * w.spec.rows * (bytes ? 1 : 4));
  }

 private:
  int64_t bytes_between(size_t k) const { return between_[k]; }
  int64_t size_;
  std::vector<Product> products_;
  std::vector<int64_t> between_;
};

/// Largest outputs of the Dense layers over the workload's features, for an MLP.
std::vector<float> ranges_of(const Workload& w) {
  std::vector<float> ranges(w.dense.size(), 1);
  if (!w.lstm.empty()) return ranges;
  for (int64_t t = 0; t < w.steps() * w.spec.rows; ++t) {
    std::vector<float> x(w.x.begin() + t * w.spec.columns, w.x.begin() + (t + 1) * w.spec.columns);
    for (size_t k = 0; k < w.dense.size(); ++k) {
      const DenseWeights& d = w.dense[k];
      std::vector<float> y(d.bias);
      for (int64_t r = 0; r < d.units; ++r)
        for (int64_t i = 0; i < d.inputs; ++i)
          y[static_cast<size_t>(r)] += d.weight[static_cast<size_t>(r * d.inputs + i)] * x[static_cast<size_t>(i)];
      for (float& v : y) v = d.relu ? std::max(0.0f, v) : v;
      ranges[k] = std::max(ranges[k], largest(y.data(), d.units));
      x = std::move(y);
    }
  }
  return ranges;
}

class DenseStepper final : public Stepper {
 public:
  DenseStepper(const Workload& w, bool bytes)
      : bytes_(bytes),
        size_(w.step_size()),
        chain_(device_, w, bytes, bytes ? 127 / kReach : 1, bytes ? kMiddle : 0, ranges_of(w)) {
    chain_.keep_sizes(w, bytes);
  }
  void reset() override {}
  void step(const float* features, float* out) override {
    if (bytes_)
      to_codes(features, size_, 127 / kReach, static_cast<uint8_t*>(chain_.in()));
    else
      std::copy_n(features, size_, static_cast<float*>(chain_.in()));
    chain_.run(out);
  }

 private:
  Device device_;
  bool bytes_;
  int64_t size_;
  DenseChain chain_;
};

/// One product per layer over x and h side by side, then our float cell.
class ProductLstm final : public Stepper {
 public:
  ProductLstm(const Workload& w, bool bytes)
      : bytes_(bytes), columns_(w.spec.columns), head_(device_, w, bytes, 127, bytes ? kMiddle : 0, ranges_of(w)) {
    head_.keep_sizes(w, bytes);
    for (const LstmWeights& weights : w.lstm) {
      const int64_t in = weights.inputs, units = weights.units;
      std::vector<float> joined;
      for (int64_t r = 0; r < 4 * units; ++r) {
        joined.insert(joined.end(), weights.wx.begin() + r * in, weights.wx.begin() + (r + 1) * in);
        joined.insert(joined.end(), weights.wh.begin() + r * units, weights.wh.begin() + (r + 1) * units);
      }
      const float scale = layers_.empty() ? 127 / kReach : 127;
      layers_.push_back({Product(device_, joined, weights.bias, 1,
                                 {.bytes = bytes, .scale_in = scale, .middle_in = bytes ? kMiddle : 0}),
                         in, units, scale, std::vector<float>(static_cast<size_t>(4 * units), 0.0f),
                         std::vector<float>(static_cast<size_t>(units)),
                         std::vector<float>(static_cast<size_t>(units))});
    }
    reset();
  }
  void reset() override {
    for (Layer& layer : layers_) {
      std::fill(layer.h.begin(), layer.h.end(), 0.0f);
      std::fill(layer.c.begin(), layer.c.end(), 0.0f);
    }
  }
  void step(const float* features, float* out) override {
    const float* x = features;
    for (Layer& layer : layers_) {
      put(x, layer.in, layer.scale, layer.product.in(), 0);
      put(layer.h.data(), layer.units, layer.scale, layer.product.in(), layer.in);
      layer.product.run();
      kernels::lstm_cell_forward({.rows = 1,
                                  .units = layer.units,
                                  .gates = static_cast<float*>(layer.product.out()),
                                  .bias = layer.no_bias.data(),  // the product has added it
                                  .c_before = layer.c.data(),
                                  .c = layer.c.data(),
                                  .h = layer.h.data(),
                                  .h_stride = layer.units});
      x = layer.h.data();
    }
    put(x, layers_.back().units, 127, head_.in(), 0);
    head_.run(out);
  }

 private:
  struct Layer {
    Product product;
    int64_t in, units;
    float scale;
    std::vector<float> no_bias, h, c;
  };
  void put(const float* x, int64_t n, float scale, void* to, int64_t at) const {
    if (bytes_)
      to_codes(x, n, scale, static_cast<uint8_t*>(to) + at);
    else
      std::copy_n(x, n, static_cast<float*>(to) + at);
  }
  Device device_;
  bool bytes_;
  int64_t columns_;
  std::vector<Layer> layers_;
  DenseChain head_;
};

/// oneDNN's LSTM primitive for one step; layers of equal width in one call.
class PrimitiveLstm final : public Stepper {
 public:
  PrimitiveLstm(const Workload& w, bool bytes)
      : bytes_(bytes),
        columns_(w.spec.columns),
        units_(w.spec.width),
        head_(device_, w, bytes, 127 / kReach, bytes ? kMiddle : 0, ranges_of(w)) {
    head_.keep_sizes(w, bytes);
    size_t begin = 0;
    while (begin < w.lstm.size()) {
      size_t end = begin + 1;
      if (w.lstm[begin].inputs == units_) end = w.lstm.size();
      groups_.push_back(make_group(w, begin, end));
      begin = end;
    }
    reset();
  }
  void reset() override {
    for (Group& group : groups_)
      for (int side : {0, 1}) {
        auto* h = static_cast<uint8_t*>(group.h[side].get_data_handle());
        // The code of 0, or the bytes of 0.0f.
        std::fill_n(h, group.h[side].get_desc().get_size(), bytes_ ? static_cast<uint8_t>(kMiddle) : uint8_t{0});
        auto* c = static_cast<uint8_t*>(group.c[side].get_data_handle());
        std::fill_n(c, group.c[side].get_desc().get_size(), uint8_t{0});
      }
    side_ = 0;
  }
  void step(const float* features, float* out) override {
    Group& first = groups_.front();
    if (bytes_)
      to_codes(features, columns_, 127 / kReach, static_cast<uint8_t*>(first.x.get_data_handle()));
    else
      std::copy_n(features, columns_, static_cast<float*>(first.x.get_data_handle()));
    const auto hidden = static_cast<size_t>(units_ * (bytes_ ? 1 : 4));
    for (size_t k = 0; k < groups_.size(); ++k) {
      if (k > 0) copy(groups_[k - 1].y, groups_[k].x.get_data_handle(), hidden);
      groups_[k].primitive.execute(device_.stream, groups_[k].arguments[side_]);
      device_.stream.wait();
    }
    copy(groups_.back().y, head_.in(), hidden);
    head_.run(out);
    side_ ^= 1;
  }

 private:
  struct Group {
    dnnl::lstm_forward primitive;
    memory x, y;
    std::array<memory, 2> h, c;  ///< a step reads one side and writes the other
    std::array<Arguments, 2> arguments;
  };

  static void copy(const memory& from, void* to, size_t bytes) {
    std::copy_n(static_cast<const char*>(from.get_data_handle()), bytes, static_cast<char*>(to));
  }

  Group make_group(const Workload& w, size_t begin, size_t end) {
    const auto layers = static_cast<int64_t>(end - begin);
    const int64_t in = w.lstm[begin].inputs, units = units_;
    const Type data = bytes_ ? Type::u8 : Type::f32, weight = bytes_ ? Type::s8 : Type::f32;
    const memory::desc x = plain({1, 1, in}, data, Tag::tnc), y = plain({1, 1, units}, data, Tag::tnc);
    const memory::desc h = plain({layers, 1, 1, units}, data, Tag::ldnc);
    const memory::desc c = plain({layers, 1, 1, units}, Type::f32, Tag::ldnc);
    const memory::dims x_dims{layers, 1, in, 4, units}, h_dims{layers, 1, units, 4, units};

    // oneDNN wants [layer, direction, input, gate, unit].
    const auto turned = [&](bool recurrent, int64_t inputs) {
      std::vector<float> all;
      for (size_t k = begin; k < end; ++k) {
        const std::vector<float>& from = recurrent ? w.lstm[k].wh : w.lstm[k].wx;
        for (int64_t i = 0; i < inputs; ++i)
          for (int64_t r = 0; r < 4 * units; ++r) all.push_back(from[static_cast<size_t>(r * inputs + i)]);
      }
      return all;
    };
    std::vector<float> wx = turned(false, in), wh = turned(true, units), bias;
    for (size_t k = begin; k < end; ++k) bias.insert(bias.end(), w.lstm[k].bias.begin(), w.lstm[k].bias.end());

    dnnl::primitive_attr attributes;
    if (bytes_) {
      attributes.set_rnn_data_qparams(127 / kReach, kMiddle);
      // One scale for the weights of all layers; its errors show in the table.
      const float most = std::max(largest(wx.data(), static_cast<int64_t>(wx.size())),
                                  largest(wh.data(), static_cast<int64_t>(wh.size())));
      attributes.set_rnn_weights_qparams(0, {127 / most});
    }
    const dnnl::lstm_forward::primitive_desc description(
        {dnnl::prop_kind::forward_inference, dnnl::rnn_direction::unidirectional_left2right, x, h, c,
         plain(x_dims, weight, Tag::any), plain(h_dims, weight, Tag::any),
         plain({layers, 1, 4, units}, Type::f32, Tag::ldgo), y, h, c},
        attributes, device_.engine);
    const auto packed = [&](const memory::desc& wanted, const memory::dims& dims, std::vector<float>& values) {
      memory given(plain(dims, Type::f32, Tag::ldigo), device_.engine, values.data()), made(wanted, device_.engine);
      dnnl::reorder(dnnl::reorder::primitive_desc(given, made, attributes)).execute(device_.stream, given, made);
      device_.stream.wait();
      return made;
    };
    Group group;
    group.primitive = dnnl::lstm_forward(description);
    group.x = memory(x, device_.engine);
    group.y = memory(y, device_.engine);
    const memory of_x = packed(description.weights_layer_desc(), x_dims, wx);
    const memory of_h = packed(description.weights_iter_desc(), h_dims, wh);
    memory biases(description.bias_desc(), device_.engine);
    std::copy(bias.begin(), bias.end(), static_cast<float*>(biases.get_data_handle()));
    for (size_t side : {0, 1}) {
      group.h[side] = memory(h, device_.engine);
      group.c[side] = memory(c, device_.engine);
    }
    for (size_t side : {0, 1})
      group.arguments[side] = {{DNNL_ARG_SRC_LAYER, group.x},           {DNNL_ARG_SRC_ITER, group.h[side]},
                               {DNNL_ARG_SRC_ITER_C, group.c[side]},    {DNNL_ARG_WEIGHTS_LAYER, of_x},
                               {DNNL_ARG_WEIGHTS_ITER, of_h},           {DNNL_ARG_BIAS, biases},
                               {DNNL_ARG_DST_LAYER, group.y},           {DNNL_ARG_DST_ITER, group.h[1 - side]},
                               {DNNL_ARG_DST_ITER_C, group.c[1 - side]}};
    return group;
  }

  Device device_;
  bool bytes_;
  int64_t columns_, units_;
  size_t side_ = 0;
  std::vector<Group> groups_;
  DenseChain head_;
};

}  // namespace

std::vector<Contender> onednn_contenders(const Workload& w) {
  std::vector<Contender> contenders;
  if (w.dense.empty()) return contenders;
  omp_set_num_threads(1);
  // Without VNNI its byte products saturate.
  const bool vnni = active_isa() == Isa::avx512vnni || active_isa() == Isa::avxvnni;
  for (const bool bytes : {true, false}) {
    const std::string name = bytes ? "onednn_int8" : "onednn_f32";
    if (bytes && !vnni) continue;
    if (w.lstm.empty()) {
      contenders.push_back({name, "inner products", std::make_unique<DenseStepper>(w, bytes)});
      continue;
    }
    auto primitive = std::make_unique<PrimitiveLstm>(w, bytes);
    auto product = std::make_unique<ProductLstm>(w, bytes);
    if (trial_ns(*primitive, w) <= trial_ns(*product, w))
      contenders.push_back({name, "LSTM primitive", std::move(primitive)});
    else
      contenders.push_back({name, "inner product over x and h, our float cell", std::move(product)});
  }
  return contenders;
}
#else
std::vector<Contender> onednn_contenders(const Workload&) { return {}; }
#endif

}  // namespace quantick::bench
