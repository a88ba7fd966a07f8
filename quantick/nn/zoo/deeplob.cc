#include "quantick/nn/zoo/deeplob.h"

#include <utility>

#include "quantick/nn/inputs.h"
#include "quantick/nn/nn.h"
#include "quantick/ops/ops.h"

namespace quantick::nn::zoo {
namespace {

constexpr double kSlope = 0.01;  // of the leaky units, as in the paper

Conv1D over_time(int64_t channels, int64_t taps) { return Conv1D(channels, taps, {.layout = "TNC", .causal = true}); }
Dense per_row(int64_t channels) { return Dense(channels, {.flatten = false}); }

/// Layers with a leaky unit behind each.
template <class... Layers>
Sequential leaky(Layers... layers) {
  Sequential out;
  ((out.add(std::move(layers)), out.add(LeakyReLU(kSlope))), ...);
  return out;
}

/// (T, N, W, C) -> (T, N, W / joined, channels): neighbouring columns become one, then two convolutions over time.
class JoinedColumns final : public Block {
 public:
  JoinedColumns(int64_t joined, int64_t channels) : joined_(joined) {
    add_child("body", leaky(per_row(channels), over_time(channels, 4), over_time(channels, 4)));
  }
  std::string kind() const override { return "joined_columns"; }
  Arrays forward(const Arrays& inputs) override {
    const Array& x = one_input(inputs, "joined_columns");
    const Shape& s = x.shape();
    return {(*children()[0].second)(reshape(x, {s[0], s[1], s[2] / joined_, s[3] * joined_}))};
  }

 private:
  int64_t joined_;
};

/// Largest values of three steps, then one tap.
class Pooled final : public Block {
 public:
  explicit Pooled(int64_t channels) { add_child("body", leaky(per_row(channels))); }
  std::string kind() const override { return "pooled"; }
  Arrays forward(const Arrays& inputs) override {
    return {(*children()[0].second)(causal_max_pool(one_input(inputs, "pooled"), 3))};
  }
};

}  // namespace

DeepLOB::DeepLOB(const DeepLOBOptions& options) {
  QTK_CHECK(options.features > 0 && options.features % 4 == 0, ValueError,
            "[deeplob] features, was {}, expected a multiple of 4: price and size of ask and bid, level by level",
            options.features);
  QTK_CHECK(options.channels > 0 && options.hidden_size > 0 && options.outputs > 0, ValueError,
            "[deeplob] channels, hidden_size and outputs, were {}, {} and {}, expected > 0", options.channels,
            options.hidden_size, options.outputs);
  const int64_t channels = options.channels, wide = 2 * channels;
  add_child("price_size", JoinedColumns(2, channels));
  add_child("sides", JoinedColumns(2, channels));
  add_child("levels", JoinedColumns(options.features / 4, channels));
  add_child("short", leaky(per_row(wide), over_time(wide, 3)));
  add_child("long", leaky(per_row(wide), over_time(wide, 5)));
  add_child("pooled", Pooled(wide));
  add_child("lstm", LSTM(options.hidden_size));
  auto& output = add_child("output", Sequential());
  output.add(SequenceLast());
  output.add(Dense(options.outputs));
}

Arrays DeepLOB::forward(const Arrays& inputs) {
  const Array& x = one_input(inputs, "deeplob");
  const auto child = [&](size_t i, const Array& value) { return (*children()[i].second)(value); };
  QTK_CHECK(x.ndim() == 3, ShapeError, "[deeplob] input shape, was {}, expected (T, N, features)", x.shape().text());
  const Shape& s = x.shape();
  Array book = reshape(x, {s[0], s[1], s[2], 1});
  for (size_t i = 0; i < 3; ++i) book = child(i, book);
  const Array row = reshape(book, {s[0], s[1], book.shape()[3]});
  const Array seen = concat({child(3, row), child(4, row), child(5, row)}, 2);
  return {child(7, child(6, seen))};
}

}  // namespace quantick::nn::zoo
