#pragma once
// Initializers, with Gluon's names and defaults. Values depend on (key, element) alone.
#include <memory>
#include <string>
#include <string_view>

#include "quantick/core/rng.h"
#include "quantick/tensor/array.h"

namespace quantick::nn {

/// Fills a float32 or float64 array.
class Initializer {
 public:
  virtual ~Initializer() = default;
  virtual void fill(Array& parameter, const Key& key) const = 0;
  /// "Uniform(0.07)".
  virtual std::string text() const = 0;
};

using InitializerPtr = std::shared_ptr<const Initializer>;

InitializerPtr zeros();
InitializerPtr ones();
InitializerPtr constant(double value);
/// Uniform in [-scale, scale); Gluon's default with scale 0.07.
InitializerPtr uniform(double scale = 0.07);
InitializerPtr normal(double sigma = 0.01);
/// Glorot & Bengio 2010: variance magnitude / factor, factor the mean of fan-in and fan-out ("avg") or one of them
/// ("in", "out"); `rnd_type` "uniform" draws in +-sqrt(magnitude / factor), "gaussian" with that standard deviation.
/// Two or more axes: fan-out is the first extent, fan-in the product of the others.
InitializerPtr xavier(std::string_view rnd_type = "uniform", std::string_view factor_type = "avg",
                      double magnitude = 3);
/// Rows (or columns, where there are fewer) orthonormal times scale (Saxe et al. 2013), by Gram-Schmidt on normal
/// draws.
InitializerPtr orthogonal(double scale = 1);
/// Bias of an LSTM: zeros, with `forget_bias` for the forget gate (gate order i, f, g, o).
InitializerPtr lstm_bias(double forget_bias = 1);
/// By name as in a configuration file: "zeros", "ones", "uniform", "normal", "xavier", "orthogonal", "lstm_bias", each
/// with its defaults. Throws ValueError with the nearest name.
InitializerPtr initializer_by_name(std::string_view name);

}  // namespace quantick::nn
