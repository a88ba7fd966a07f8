#pragma once
// Parameters in the Gluon manner: the shape may be open (0) until the first forward pass.
#include <memory>
#include <string>
#include <string_view>

#include "quantick/nn/initializer.h"

namespace quantick::nn {

/// A trainable array with a name. A handle: copies refer to the same parameter. Its array keeps its identity from
/// initialization on: training, set_data and loading write into it, so cached graphs see them.
class Parameter {
 public:
  Parameter() = default;
  /// `initializer` may be null: then the fallback of initialize() fills it.
  Parameter(std::string name, const Shape& shape, InitializerPtr initializer, DType dtype = DType::f32);

  /// Whether both are handles to one parameter.
  bool same_as(const Parameter& other) const { return &impl() == &other.impl(); }
  /// From now on all handles to this parameter stand for `other`, whose values stay. Throws ShapeError where known
  /// extents differ, TypeError for another dtype.
  void tie(const Parameter& other);
  /// The same for all handles to one parameter.
  const void* identity() const { return &impl(); }
  const std::string& name() const;
  const Shape& shape() const;  ///< 0 for extents that are not known yet
  DType dtype() const;
  bool initialized() const;
  /// Throws ValueError that says to call initialize() or to run a forward pass first.
  const Array& data() const;
  /// Throws ValueError where no gradient is kept (set_grad_req("null")).
  Array grad() const;
  /// Whether something has replaced the zeros that the gradient begins as.
  bool grad_is_set() const;
  void zero_grad();
  /// Same shape; completes an open one. The dtype is converted.
  void set_data(const Array& value);
  /// Completes open extents; throws ShapeError where a known one differs. Fills the parameter if initialize was called.
  void infer_shape(const Shape& shape);
  /// `fallback` is used where the parameter has no initializer of its own. Waits for infer_shape where extents are
  /// open.
  void initialize(const InitializerPtr& fallback, const Key& key, bool force = false);
  /// "write" (default), "add": backward() adds to the gradient, or "null": no gradient.
  void set_grad_req(std::string_view grad_req);
  std::string_view grad_req() const;
  bool wants_grad() const { return grad_req() != "null"; }
  /// Factors on the learning rate and on the penalty of whoever trains the parameter; 1 unless set.
  double lr_mult() const;
  double wd_mult() const;
  void set_lr_mult(double factor);
  void set_wd_mult(double factor);
  /// float32 or float64; values are kept, the array becomes a new one.
  void cast(DType dtype);

 private:
  struct Impl;
  Impl& impl() const;
  void make();
  void attach();

  std::shared_ptr<Impl> impl_;
};

}  // namespace quantick::nn
