#pragma once
// Parameters and initializers, in the Gluon manner: the shape may be open (0) until the first forward pass.
#include <memory>
#include <string>
#include <string_view>

#include "quantick/core/rng.h"
#include "quantick/tensor/array.h"

namespace quantick::nn {

/// Fills a parameter. Values depend on (key, element) alone.
class Initializer {
 public:
  virtual ~Initializer() = default;
  virtual void fill(Array& parameter, const Key& key) const = 0;
  virtual std::string text() const = 0;
};

using InitializerPtr = std::shared_ptr<const Initializer>;

InitializerPtr zeros();
InitializerPtr ones();
InitializerPtr constant(double value);
/// Uniform in [-scale, scale]; Gluon's default with scale 0.07.
InitializerPtr uniform(double scale = 0.07);
InitializerPtr normal(double sigma = 0.01);
/// Glorot & Bengio 2010; factor_type avg, in or out; rnd_type uniform or gaussian; Gluon's defaults.
InitializerPtr xavier(std::string_view rnd_type = "uniform", std::string_view factor_type = "avg",
                      double magnitude = 3);
/// Rows orthogonal (Saxe et al. 2013), by Gram-Schmidt on normal draws.
InitializerPtr orthogonal(double scale = 1);
/// Bias of an LSTM: zeros, with `forget_bias` for the forget gate (gate order i, f, g, o).
InitializerPtr lstm_bias(double forget_bias = 1);

/// A trainable array with a name. A handle: copies refer to the same parameter.
class Parameter {
 public:
  Parameter() = default;
  Parameter(std::string name, Shape shape, InitializerPtr initializer, DType dtype = DType::f32);

  const std::string& name() const;
  const Shape& shape() const;  ///< 0 for extents that are not known yet
  bool initialized() const;
  /// Throws ValueError that says to call initialize() or to run a forward pass first.
  const Array& data() const;
  Array grad() const;
  void set_data(const Array& value);
  /// Completes open extents; throws ShapeError where a known one differs. Fills the parameter if initialize was called.
  void infer_shape(const Shape& shape);
  /// `fallback` is used where the parameter has no initializer of its own.
  void initialize(const InitializerPtr& fallback, const Key& key, bool force = false);
  /// "write" (default) or "null": no gradient.
  void set_grad_req(std::string_view grad_req);
  bool wants_grad() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace quantick::nn
