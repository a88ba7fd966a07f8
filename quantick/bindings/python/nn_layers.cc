// The layers of quantick/nn and the networks of its zoo under Gluon's names, with Gluon's argument order and defaults.
#include <fmt/format.h>
#include <nanobind/stl/vector.h>

#include <memory>

#include "quantick/bindings/python/block.h"
#include "quantick/bindings/python/casters.h"
#include "quantick/bindings/python/fields.h"
#include "quantick/core/error.h"
#include "quantick/nn/nn.h"
#include "quantick/nn/quantized.h"
#include "quantick/nn/zoo/deeplob.h"
#include "quantick/nn/zoo/resnet.h"
#include "quantick/nn/zoo/tcn.h"
#include "quantick/nn/zoo/transformer.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace quantick::python {
namespace {

/// The bound arguments of one constructor call, taken one by one; what is left goes into the layer's options.
class Given {
 public:
  Given(nb::dict values, std::string_view who) : values_(std::move(values)), who_(who) {}

  template <class T>
  T take(const char* name, T value = {}) {
    if (const nb::object held = pop(name); held.is_valid()) read_value(held, value, who_, name);
    return value;
  }
  nn::InitializerPtr initializer(const char* name) {
    const nb::object held = pop(name);
    return held.is_valid() ? initializer_of(held, who_) : nullptr;
  }
  template <HasFields Options>
  Options options(Options defaults = {}) const {
    return from_keywords<Options>(values_, who_, std::move(defaults));
  }
  /// The value, where it is given; else an invalid object.
  nb::object pop(const char* name) {
    if (!values_.contains(name)) return {};
    nb::object value = values_[name];
    nb::del(values_[name]);
    return value;
  }
  std::string_view who() const { return who_; }

 private:
  nb::dict values_;
  std::string_view who_;
};

using Arguments = std::vector<Argument>;

Argument required(const char* name, const char* type, const char* doc) { return {name, type, "", doc}; }
Argument given(const char* name, const char* type, const char* value, const char* doc) {
  return {name, type, value, doc};
}
Argument init(const char* name, const char* value = "None") {
  return {name, "Initializer | str | None", value, "initializer or its name; None: the one of initialize()"};
}
const Argument kDtype = {"dtype", "str", "'float32'", "of the parameters: float32 or float64"};
const char* const kInts = "int | collections.abc.Sequence[int]";

Arguments operator+(Arguments first, const Arguments& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

/// A class of finished layers. `make` constructs one at the pointer it gets from the bound arguments; `inside` is what
/// repr() shows between the brackets.
template <class Layer, class Make, class Inside>
void bind_layer(nb::module_& m, const char* name, const char* doc, Signature signature, Make make, Inside inside) {
  signature = Signature(
      signature.who(),
      signature.arguments() + Arguments{given("prefix", "str | None", "None", "kept as .prefix"),
                                        given("params", "typing.Any", "None", "of another block, shared by name")});
  const std::string text = signature.text("__init__", "None", "self"), arguments = signature.doc("");
  nb::class_<Layer>(m, name, nb::type<HybridBlock>(), nb::is_final(), nb::type_slots(block_slots()), doc)
      .def(
          "__init__",
          [signature, make](nb::pointer_and_handle<Layer> self, const nb::args& values, const nb::kwargs& keywords) {
            Given bound(signature.bind(values, keywords), signature.who());
            const DType dtype = dtype_from_name(bound.template take<std::string>("dtype", "float32"));
            const nb::object prefix = bound.pop("prefix"), params = bound.pop("params");
            make(self.p, bound);
            if (dtype != DType::f32) self.p->cast(dtype);
            nb::inst_set_state(self.h, true, true);
            if (prefix.is_valid()) set_prefix(self.h, prefix);
            if (params.is_valid()) share_params(self.h, params);
          },
          nb::sig(text.c_str()), arguments.c_str())
      .def("__repr__",
           [name = std::string(name), inside](const Layer& self) { return fmt::format("{}({})", name, inside(self)); });
}

/// A layer whose repr() shows nothing.
template <class Layer, class Make>
void bind_layer(nb::module_& m, const char* name, const char* doc, const Signature& signature, Make make) {
  bind_layer<Layer>(m, name, doc, signature, make, [](const Layer&) { return std::string(); });
}

template <class Layer>
void bind_plain(nb::module_& m, const char* name, const char* doc, const char* who) {
  bind_layer<Layer>(m, name, doc, Signature(who, {}), [](Layer* self, Given&) { new (self) Layer(); });
}

/// "None" for extents that are still open.
std::string extent_text(int64_t extent) { return extent == 0 ? "None" : fmt::format("{}", extent); }

std::string tuple_text(const std::vector<int64_t>& values) {
  return fmt::format("({}{})", fmt::join(values, ", "), values.size() == 1 ? "," : "");
}

const nn::Parameter& parameter_of(const nn::Block& block, std::string_view name) {
  for (const auto& [known, parameter] : block.parameters())
    if (known == name) return parameter;
  fail<InvariantError>("Invariant: {} has no parameter {}", block.kind(), name);
}

std::string linear_or(const std::string& activation) {
  return activation.empty() ? "linear" : fmt::format("Activation({})", activation);
}

/// For options of Gluon that exist here with one value alone.
void refuse_unless(bool usual, std::string_view who, std::string_view what, std::string_view expected) {
  QTK_CHECK(usual, UnsupportedError, "[{}] {}, expected {}", who, what, expected);
}

template <class Layer>
void bind_dense(nb::module_& m, const char* name, const char* doc) {
  bind_layer<Layer>(
      m, name, doc,
      Signature("dense", Arguments{required("units", "int", "outputs"), kDtype, init("weight_initializer"),
                                   init("bias_initializer", "'zeros'")} +
                             arguments_of<nn::DenseOptions>())
          .order({"units", "activation", "use_bias", "flatten", "dtype", "weight_initializer", "bias_initializer",
                  "in_units"}),
      [](Layer* self, Given& given) {
        const auto units = given.take<int64_t>("units");
        nn::DenseOptions base;
        base.weight_initializer = given.initializer("weight_initializer");
        base.bias_initializer = given.initializer("bias_initializer");
        new (self) Layer(units, given.options(base));
      },
      [](const Layer& self) {
        const Shape shape = parameter_of(self, "weight").shape();
        return fmt::format("{} -> {}, {}", extent_text(shape[1]), shape[0], linear_or(self.options().activation));
      });
}

void bind_basic(nb::module_& m) {
  bind_dense<nn::Dense>(m, "Dense",
                        "activation(x W^T + b): (N, ...) -> (N, units); with flatten=False (..., C) -> (..., units).");
  bind_dense<nn::QuantizedDense>(m, "QuantizedDense", "A Dense that is marked for quantization.");
  bind_layer<nn::Activation>(
      m, "Activation", "relu, sigmoid, tanh, softrelu (log(1 + e^x)), softsign, gelu or silu.",
      Signature("activation", {required("activation", "str", "its name")}),
      [](nn::Activation* self, Given& given) { new (self) nn::Activation(given.take<std::string>("activation")); },
      [](const nn::Activation& self) { return self.activation(); });
  bind_layer<nn::LeakyReLU>(
      m, "LeakyReLU", "x, or alpha * x where x is negative.",
      Signature("leaky_relu", {given("alpha", "float", "0.01", "slope of the negative side")}),
      [](nn::LeakyReLU* self, Given& given) { new (self) nn::LeakyReLU(given.take("alpha", 0.01)); });
  bind_layer<nn::Dropout>(
      m, "Dropout", "In training, zeros with probability `rate`, and the rest times 1 / (1 - rate).",
      Signature("dropout", {required("rate", "float", "0 <= rate < 1"),
                            given("axes", "tuple[int, ...]", "()", "here always (): every element by itself")}),
      [](nn::Dropout* self, Given& given) {
        refuse_unless(given.take<std::vector<int64_t>>("axes").empty(), "dropout", "axes", "()");
        new (self) nn::Dropout(given.take<double>("rate"));
      },
      [](const nn::Dropout& self) { return fmt::format("p = {}, axes=()", self.rate()); });
  const auto embedding = [&]<class Layer>(const char* name, const char* doc, const Layer*) {
    bind_layer<Layer>(
        m, name, doc,
        Signature("embedding",
                  Arguments{required("input_dim", "int", "number of ids"),
                            required("output_dim", "int", "width of a row"), kDtype, init("weight_initializer"),
                            given("sparse_grad", "bool", "False", "here always False: gradients are dense")} +
                      arguments_of<nn::EmbeddingOptions>()),
        [](Layer* self, Given& given) {
          refuse_unless(!given.take<bool>("sparse_grad"), "embedding", "sparse_grad, was True", "False");
          const auto input = given.take<int64_t>("input_dim"), output = given.take<int64_t>("output_dim");
          nn::EmbeddingOptions base;
          base.weight_initializer = given.initializer("weight_initializer");
          new (self) Layer(input, output, given.options(base));
        },
        [](const Layer& self) {
          return fmt::format("{} -> {}, {}", self.input_dim(), self.output_dim(),
                             dtype_name(parameter_of(self, "weight").dtype()));
        });
  };
  embedding("Embedding", "Rows of a table by ids 0 .. input_dim - 1: (...) -> (..., output_dim).",
            static_cast<nn::Embedding*>(nullptr));
  embedding("QuantizedEmbedding", "An Embedding that is marked for quantization.",
            static_cast<nn::QuantizedEmbedding*>(nullptr));
  bind_plain<nn::Identity>(m, "Identity", "Outputs are the inputs.", "identity");
  bind_plain<nn::Flatten>(m, "Flatten", "(N, ...) -> (N, product of the rest).", "flatten");
  bind_layer<nn::SequenceLast>(
      m, "SequenceLast", "The newest step of a sequence: (T, N, C) -> (N, C).",
      Signature("sequence_last", {given("layout", "str", "'TNC'", "TNC, or NTC: (N, T, C) -> (N, C)")}),
      [](nn::SequenceLast* self, Given& given) {
        new (self) nn::SequenceLast(given.take<std::string>("layout", "TNC"));
      });
}

void bind_norms(nb::module_& m) {
  bind_layer<nn::BatchNorm>(
      m, "BatchNorm",
      "Batch normalization (Ioffe & Szegedy 2015) by the batch's statistics in training, else by the running ones.",
      Signature("batch_norm",
                Arguments{init("beta_initializer", "'zeros'"), init("gamma_initializer", "'ones'"),
                          init("running_mean_initializer", "'zeros'"), init("running_variance_initializer", "'ones'")} +
                    arguments_of<nn::BatchNormOptions>())
          .order({"axis", "momentum", "epsilon", "center", "scale", "use_global_stats"}),
      [](nn::BatchNorm* self, Given& given) {
        nn::BatchNormOptions base;
        base.beta_initializer = given.initializer("beta_initializer");
        base.gamma_initializer = given.initializer("gamma_initializer");
        base.running_mean_initializer = given.initializer("running_mean_initializer");
        base.running_variance_initializer = given.initializer("running_variance_initializer");
        new (self) nn::BatchNorm(given.options(base));
      },
      [](const nn::BatchNorm& self) {
        const auto& o = self.options();
        return fmt::format("axis={}, eps={}, momentum={}, use_global_stats={}, in_channels={}", o.axis, o.epsilon,
                           o.momentum, o.use_global_stats ? "True" : "False",
                           extent_text(parameter_of(self, "gamma").shape()[0]));
      });
  bind_layer<nn::LayerNorm>(
      m, "LayerNorm", "(x - mean) / sqrt(variance + epsilon) * gamma + beta over one axis (Ba, Kiros & Hinton 2016).",
      Signature("layer_norm", Arguments{init("beta_initializer", "'zeros'"), init("gamma_initializer", "'ones'")} +
                                  arguments_of<nn::LayerNormOptions>())
          .order({"axis", "epsilon", "center", "scale"}),
      [](nn::LayerNorm* self, Given& given) {
        nn::LayerNormOptions base;
        base.beta_initializer = given.initializer("beta_initializer");
        base.gamma_initializer = given.initializer("gamma_initializer");
        new (self) nn::LayerNorm(given.options(base));
      },
      [](const nn::LayerNorm& self) {
        return fmt::format("axis={}, eps={}, in_channels={}", self.options().axis, self.options().epsilon,
                           extent_text(parameter_of(self, "gamma").shape()[0]));
      });
  bind_layer<nn::RMSNorm>(
      m, "RMSNorm", "x / sqrt(mean of squares + epsilon) * gamma over the last axis (Zhang & Sennrich 2019).",
      Signature("rms_norm", Arguments{init("gamma_initializer", "'ones'")} + arguments_of<nn::RMSNormOptions>())
          .order({"epsilon"}),
      [](nn::RMSNorm* self, Given& given) {
        nn::RMSNormOptions base;
        base.gamma_initializer = given.initializer("gamma_initializer");
        new (self) nn::RMSNorm(given.options(base));
      },
      [](const nn::RMSNorm& self) {
        return fmt::format("eps={}, in_channels={}", self.options().epsilon,
                           extent_text(parameter_of(self, "gamma").shape()[0]));
      });
}

template <class Layer, int axes>
void bind_convolution(nb::module_& m, const char* name, const char* doc) {
  nn::ConvOptions shown;
  if (axes == 2) {
    shown.strides = shown.dilation = {1, 1};
    shown.padding = {0, 0};
  }
  shown.layout = axes == 1 ? "NCW" : "NCHW";
  Arguments fields = arguments_of(shown);
  if (axes == 2) std::erase_if(fields, [](const Argument& a) { return a.name == "causal"; });
  bind_layer<Layer>(
      m, name, doc,
      Signature(axes == 1 ? "conv1d" : "conv2d",
                Arguments{required("channels", "int", "outputs"), required("kernel_size", kInts, "taps"),
                          init("weight_initializer"), init("bias_initializer", "'zeros'")} +
                    fields)
          .order({"channels", "kernel_size", "strides", "padding", "dilation", "groups", "layout", "activation",
                  "use_bias", "weight_initializer", "bias_initializer", "in_channels"}),
      [](Layer* self, Given& given) {
        const auto channels = given.take<int64_t>("channels");
        const auto kernel = given.take<std::vector<int64_t>>("kernel_size");
        nn::ConvOptions base;
        base.weight_initializer = given.initializer("weight_initializer");
        base.bias_initializer = given.initializer("bias_initializer");
        if constexpr (axes == 1) {
          QTK_CHECK(kernel.size() == 1, ValueError, "[conv1d] kernel_size, were {} values, expected 1", kernel.size());
          new (self) Layer(channels, kernel[0], given.options(base));
        } else {
          new (self) Layer(channels, kernel, given.options(base));
        }
      },
      [](const Layer& self) {
        const Shape shape = parameter_of(self, "weight").shape();
        const auto& o = self.options();
        const auto extents = shape.to_vector();
        return fmt::format("{} -> {}, kernel_size={}, stride={}, padding={}{}", extent_text(shape[1] * o.groups),
                           shape[0], tuple_text({extents.begin() + 2, extents.end()}), tuple_text(o.strides),
                           tuple_text(o.padding), o.activation.empty() ? "" : ", " + linear_or(o.activation));
      });
}

template <class Layer, int axes, bool average>
void bind_pool(nb::module_& m, const char* name, const char* doc) {
  Arguments fields = arguments_of<nn::PoolOptions>();
  fields[1].default_value = "0";
  if (!average) std::erase_if(fields, [](const Argument& a) { return a.name == "count_include_pad"; });
  const char* const layout = axes == 1 ? "NCW" : "NCHW";
  Signature signature("pooling",
                      Arguments{given("pool_size", axes == 1 ? "int" : kInts, axes == 1 ? "2" : "(2, 2)", "window"),
                                given("ceil_mode", "bool", "False", "here always False: windows lie inside"),
                                given("layout", "str", axes == 1 ? "'NCW'" : "'NCHW'", "the only one")} +
                          fields);
  if (average && axes == 2)
    signature.order({"pool_size", "strides", "padding", "ceil_mode", "layout"});
  else
    signature.order({"pool_size", "strides", "padding", "layout", "ceil_mode"});
  bind_layer<Layer>(m, name, doc, signature, [layout](Layer* self, Given& given) {
    refuse_unless(!given.take<bool>("ceil_mode"), "pooling", "ceil_mode, was True", "False");
    refuse_unless(given.take<std::string>("layout", layout) == layout, "pooling", "layout", layout);
    if constexpr (axes == 1) {
      const auto size = given.take<std::vector<int64_t>>("pool_size", {2});
      QTK_CHECK(size.size() == 1, ValueError, "[pooling] pool_size, were {} values, expected 1", size.size());
      new (self) Layer(size[0], given.options<nn::PoolOptions>());
    } else {
      const auto size = given.take<std::vector<int64_t>>("pool_size", {2});
      new (self) Layer(size, given.options<nn::PoolOptions>());
    }
  });
}

template <class Layer>
void bind_global_pool(nb::module_& m, const char* name, const char* doc, const char* layout) {
  const std::string shown = std::string("'") + layout + "'";
  bind_layer<Layer>(m, name, doc, Signature("pooling", {given("layout", "str", shown.c_str(), "the only one")}),
                    [layout](Layer* self, Given& given) {
                      refuse_unless(given.take<std::string>("layout", layout) == layout, "pooling", "layout", layout);
                      new (self) Layer();
                    });
}

void bind_images(nb::module_& m) {
  bind_convolution<nn::Conv1D, 1>(
      m, "Conv1D", "(N, C, W) -> (N, channels, W'), or with layout TNC and causal (T, N, C) -> (T, N, channels).");
  bind_convolution<nn::QuantizedConv1D, 1>(m, "QuantizedConv1D", "A Conv1D that is marked for quantization.");
  bind_convolution<nn::Conv2D, 2>(m, "Conv2D", "(N, C, H, W) -> (N, channels, H', W').");
  bind_pool<nn::MaxPool1D, 1, false>(m, "MaxPool1D", "Maxima of windows: (N, C, W) -> (N, C, W').");
  bind_pool<nn::MaxPool2D, 2, false>(m, "MaxPool2D", "Maxima of windows: (N, C, H, W) -> (N, C, H', W').");
  bind_pool<nn::AvgPool1D, 1, true>(m, "AvgPool1D", "Means of windows: (N, C, W) -> (N, C, W').");
  bind_pool<nn::AvgPool2D, 2, true>(m, "AvgPool2D", "Means of windows: (N, C, H, W) -> (N, C, H', W').");
  bind_global_pool<nn::GlobalAvgPool1D>(m, "GlobalAvgPool1D", "(N, C, W) -> (N, C, 1).", "NCW");
  bind_global_pool<nn::GlobalAvgPool2D>(m, "GlobalAvgPool2D", "(N, C, H, W) -> (N, C, 1, 1).", "NCHW");
}

template <class Options>
Options recurrent_options(Given& given) {
  Options base;
  base.i2h_weight_initializer = given.initializer("i2h_weight_initializer");
  base.h2h_weight_initializer = given.initializer("h2h_weight_initializer");
  base.i2h_bias_initializer = given.initializer("i2h_bias_initializer");
  base.h2h_bias_initializer = given.initializer("h2h_bias_initializer");
  if constexpr (std::is_same_v<Options, nn::LSTMOptions>)
    base.h2r_weight_initializer = given.initializer("h2r_weight_initializer");
  return given.options(base);
}

template <class Layer, class Options>
void bind_recurrent(nb::module_& m, const char* name, const char* doc, const char* who) {
  Arguments initializers = {init("i2h_weight_initializer"), init("h2h_weight_initializer"),
                            init("i2h_bias_initializer", "'zeros'"), init("h2h_bias_initializer", "'zeros'"), kDtype};
  Arguments fields = arguments_of<Options>();
  for (Argument& a : fields) {
    if (a.name == "dropout") a.default_value = "0";
    if (a.name == "projection_size") a = given("projection_size", "int | None", "None", a.doc.c_str());
  }
  Signature signature(who, Arguments{required("hidden_size", "int", "units")} + fields + initializers);
  if constexpr (std::is_same_v<Options, nn::LSTMOptions>) {
    signature = Signature(who, signature.arguments() + Arguments{init("h2r_weight_initializer")});
    signature.order({"hidden_size", "num_layers", "layout", "dropout", "bidirectional", "input_size",
                     "i2h_weight_initializer", "h2h_weight_initializer", "i2h_bias_initializer", "h2h_bias_initializer",
                     "projection_size", "h2r_weight_initializer", "dtype"});
  } else {
    signature.order({"hidden_size", "num_layers", "layout", "dropout", "bidirectional", "input_size",
                     "i2h_weight_initializer", "h2h_weight_initializer", "i2h_bias_initializer", "h2h_bias_initializer",
                     "dtype"});
  }
  bind_layer<Layer>(
      m, name, doc, signature,
      [](Layer* self, Given& given) {
        const auto hidden = given.take<int64_t>("hidden_size");
        new (self) Layer(hidden, recurrent_options<Options>(given));
      },
      [](const Layer& self) {
        const auto& o = self.options();
        return fmt::format(
            "{} -> {}, {}{}{}{}", extent_text(parameter_of(self, "l0_i2h_weight").shape()[1]), self.hidden_size(),
            o.layout, o.num_layers > 1 ? fmt::format(", num_layers={}", o.num_layers) : "",
            o.dropout > 0 ? fmt::format(", dropout={}", o.dropout) : "", o.bidirectional ? ", bidirectional" : "");
      });
  nb::borrow<nb::class_<Layer>>(nb::type<Layer>())
      .def(
          "begin_state",
          [](const Layer& self, int64_t batch_size, nb::handle func, const nb::kwargs& keywords) {
            const Arrays zeros = self.begin_state(batch_size);
            nb::list states;
            for (const Array& state : zeros) {
              if (func.is_none() && keywords.size() == 0)
                states.append(state);
              else if (func.is_none())
                states.append(nb::module_::import_("quantick.nd").attr("zeros")("shape"_a = state.shape(), **keywords));
              else
                states.append(func("shape"_a = state.shape(), **keywords));
            }
            return states;
          },
          "batch_size"_a = 0, "func"_a = nb::none(), "kwargs"_a,
          nb::sig("def begin_state(self, batch_size: int = 0, func: typing.Any = None, **kwargs: typing.Any) -> "
                  "list[NDArray]"),
          "States of zeros, or func(shape=..., **kwargs), a list: what the layer takes as its second argument.");
}

void bind_sequences(nb::module_& m) {
  const char* const lstm =
      "Stacked LSTM (gates i, f, g, o). lstm(x) gives y; lstm(x, [h, c]) gives (y, [h, c]). x is (T, N, C), y (T, N, "
      "H) "
      "(2H where bidirectional), states (num_layers * directions, N, H).";
  bind_recurrent<nn::LSTM, nn::LSTMOptions>(m, "LSTM", lstm, "lstm");
  bind_recurrent<nn::QuantizedLSTM, nn::LSTMOptions>(m, "QuantizedLSTM", "An LSTM that is marked for quantization.",
                                                     "lstm");
  bind_recurrent<nn::GRU, nn::GRUOptions>(
      m, "GRU",
      "Stacked GRU (gates r, z, n; reset after the recurrent product). gru(x) gives y; gru(x, [h]) gives (y, [h]).",
      "gru");
  bind_layer<nn::MultiHeadAttention>(
      m, "MultiHeadAttention",
      "proj(attention(query(x), key(x), value(x))) (Vaswani et al. 2017). Takes x or q, k, v; over tokens also a mask, "
      "0 for tokens that are not attended.",
      Signature("multi_head_attention",
                Arguments{required("units", "int", "channels"), required("num_heads", "int", "a divisor of units"),
                          init("weight_initializer")} +
                    arguments_of<nn::MultiHeadAttentionOptions>()),
      [](nn::MultiHeadAttention* self, Given& given) {
        const auto units = given.take<int64_t>("units"), heads = given.take<int64_t>("num_heads");
        nn::MultiHeadAttentionOptions base;
        base.weight_initializer = given.initializer("weight_initializer");
        new (self) nn::MultiHeadAttention(units, heads, given.options(base));
      },
      [](const nn::MultiHeadAttention& self) {
        return fmt::format("{}, num_heads={}, axis={}", self.units(), self.num_heads(), self.options().axis);
      });
  bind_layer<nn::TransformerEncoderCell>(
      m, "TransformerEncoderCell",
      "Attention and a feed-forward network of hidden_size, each with a residual sum and a norm.",
      Signature("transformer_encoder_cell",
                Arguments{required("units", "int", "channels"), required("num_heads", "int", "a divisor of units"),
                          required("hidden_size", "int", "of the feed-forward network"),
                          given("attention", "dict[str, typing.Any] | None", "None", "options of MultiHeadAttention")} +
                    arguments_of<nn::TransformerEncoderCellOptions>()),
      [](nn::TransformerEncoderCell* self, Given& given) {
        const auto units = given.take<int64_t>("units"), heads = given.take<int64_t>("num_heads");
        const auto hidden = given.take<int64_t>("hidden_size");
        nn::TransformerEncoderCellOptions base;
        base.attention = given.take<nn::MultiHeadAttentionOptions>("attention");
        new (self) nn::TransformerEncoderCell(units, heads, hidden, given.options(base));
      });
}

void bind_zoo(nb::module_& m) {
  using nn::zoo::TransformerOptions;
  const auto stack = [&]<class Net>(const char* name, const char* doc, const char* who, const Net*) {
    bind_layer<Net>(m, name, doc, Signature(who, arguments_of<TransformerOptions>()),
                    [](Net* self, Given& given) { new (self) Net(given.options<TransformerOptions>()); });
  };
  stack("Transformer", "(T, N, C) -> (N, outputs): causal cells over time, then the newest step.", "transformer",
        static_cast<nn::zoo::Transformer*>(nullptr));
  stack("CrossTransformer",
        "(dates, instruments, C) -> (dates, instruments, outputs): each instrument attends to all of its date.",
        "cross_transformer", static_cast<nn::zoo::CrossTransformer*>(nullptr));
  bind_layer<nn::zoo::TCN>(
      m, "TCN",
      "Temporal convolutional network (Bai, Kolter & Koltun 2018): (T, N, C) -> (N, outputs), from the newest step.",
      Signature("tcn",
                {given("channels", kInts, "(32, 32, 32)", "of each block"), given("kernel_size", "int", "3", "taps"),
                 given("dropout", "float", "0.0", "rate, in training"),
                 given("norm", "str", "'layer'", "after each convolution: layer, batch, or none"),
                 given("outputs", "int", "1", "of the head"),
                 given("inputs", "int", "0", "channels; 0: not known, the first block has a convolution around it"),
                 given("convolutions", "int", "2", "of each block"),
                 given("dilation_base", "int", "2", "block k has dilation dilation_base^k")}),
      [](nn::zoo::TCN* self, Given& given) {
        nn::zoo::TCNOptions o;
        o.channels = given.take("channels", o.channels);
        o.kernel_size = given.take("kernel_size", o.kernel_size);
        o.dropout = given.take("dropout", o.dropout);
        o.norm = given.take("norm", o.norm);
        o.outputs = given.take("outputs", o.outputs);
        o.inputs = given.take("inputs", o.inputs);
        o.convolutions = given.take("convolutions", o.convolutions);
        o.dilation_base = given.take("dilation_base", o.dilation_base);
        new (self) nn::zoo::TCN(o);
      });
  m.def(
      "causal_cnn",
      [](int64_t blocks, int64_t channels) {
        return std::make_shared<nn::zoo::TCN>(nn::zoo::causal_cnn(blocks, channels));
      },
      "blocks"_a, "channels"_a,
      "A plain causal network: one convolution of 8 taps per block, without dilation and normalization.");
  bind_layer<nn::zoo::ResNet>(
      m, "ResNet", "Residual network for small images (He et al. 2015, 2016): (N, C, H, W) -> (N, classes).",
      Signature("resnet", {given("version", "int", "1", "1, or 2: normalization before the convolutions"),
                           given("layers", kInts, "(2, 2, 2)", "blocks of each stage"),
                           given("channels", kInts, "(16, 16, 32, 64)", "of the first convolution, then of each stage"),
                           given("classes", "int", "10", "outputs")}),
      [](nn::zoo::ResNet* self, Given& given) {
        nn::zoo::ResNetOptions o;
        o.version = given.take("version", o.version);
        o.layers = given.take("layers", o.layers);
        o.channels = given.take("channels", o.channels);
        o.classes = given.take("classes", o.classes);
        new (self) nn::zoo::ResNet(o);
      });
  bind_layer<nn::zoo::DeepLOB>(
      m, "DeepLOB", "For limit order books (Zhang, Zohren & Roberts 2019): (T, N, features) -> (N, outputs).",
      Signature("deeplob", {given("features", "int", "40", "per step: price and size of ask and bid, level by level"),
                            given("channels", "int", "16", "of the convolutions"),
                            given("hidden_size", "int", "64", "of the LSTM"), given("outputs", "int", "3", "scores")}),
      [](nn::zoo::DeepLOB* self, Given& given) {
        nn::zoo::DeepLOBOptions o;
        o.features = given.take("features", o.features);
        o.channels = given.take("channels", o.channels);
        o.hidden_size = given.take("hidden_size", o.hidden_size);
        o.outputs = given.take("outputs", o.outputs);
        new (self) nn::zoo::DeepLOB(o);
      });
}

}  // namespace

void bind_layers(nb::module_& m) {
  bind_basic(m);
  bind_norms(m);
  bind_images(m);
  bind_sequences(m);
  bind_zoo(m);
}

}  // namespace quantick::python
