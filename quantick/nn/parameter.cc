#include "quantick/nn/parameter.h"

#include <algorithm>
#include <utility>

#include "quantick/core/error.h"

namespace quantick::nn {

struct Parameter::Impl {
  std::string name;
  Shape shape;
  InitializerPtr own, chosen;
  DType dtype = DType::f32;
  Key key{0};
  Array data;
  bool requested = false, wants_grad = true;

  bool complete() const {
    return std::all_of(shape.begin(), shape.end(), [](int64_t extent) { return extent > 0; });
  }
};

Parameter::Parameter(std::string name, const Shape& shape, InitializerPtr initializer, DType dtype)
    : impl_(std::make_shared<Impl>()) {
  impl_->name = std::move(name);
  impl_->shape = shape;
  impl_->own = std::move(initializer);
  impl_->dtype = dtype;
}

Parameter::Impl& Parameter::impl() const {
  QTK_CHECK(impl_ != nullptr, ValueError, "[parameter] empty handle, expected one that register_parameter returned");
  return *impl_;
}

const std::string& Parameter::name() const { return impl().name; }
const Shape& Parameter::shape() const { return impl().shape; }
DType Parameter::dtype() const { return impl().dtype; }
bool Parameter::initialized() const { return impl().data.defined(); }
bool Parameter::wants_grad() const { return impl().wants_grad; }

const Array& Parameter::data() const {
  Impl& p = impl();
  if (!p.data.defined()) {
    QTK_CHECK(p.requested, ValueError, "[parameter] {} is not initialized: call initialize() on the block first",
              p.name);
    fail<ValueError>("[parameter] shape of {} is still open, was {}: run a forward pass first", p.name, p.shape.text());
  }
  return p.data;
}

Array Parameter::grad() const {
  QTK_CHECK(impl().wants_grad, ValueError, "[parameter] {} keeps no gradient (grad_req is null)", impl().name);
  return data().grad();
}

void Parameter::zero_grad() {
  Impl& p = impl();
  if (p.data.defined() && p.wants_grad) p.data.set_grad(Array::zeros(p.shape, p.dtype));
}

void Parameter::make() {
  Impl& p = impl();
  if (!p.data.defined()) {
    p.data = Array::zeros(p.shape, p.dtype);
    if (p.wants_grad) p.data.attach_grad();
  }
}

void Parameter::set_data(const Array& value) {
  infer_shape(value.shape());
  make();
  impl().data.assign(value);
}

void Parameter::infer_shape(const Shape& shape) {
  Impl& p = impl();
  bool same = shape.ndim() == p.shape.ndim();
  for (int axis = 0; same && axis < shape.ndim(); ++axis) same = p.shape[axis] == 0 || p.shape[axis] == shape[axis];
  QTK_CHECK(same, ShapeError, "[parameter] shape of {}, was {}, expected {} (0: any)", p.name, shape.text(),
            p.shape.text());
  p.shape = shape;
  if (p.requested && !p.data.defined() && p.complete()) initialize(p.chosen, p.key);
}

void Parameter::initialize(const InitializerPtr& fallback, const Key& key, bool force) {
  Impl& p = impl();
  if (p.data.defined() && !force) return;
  p.requested = true;
  p.chosen = p.own != nullptr ? p.own : fallback;
  p.key = key;
  QTK_CHECK(p.chosen != nullptr, ValueError, "[parameter] {} has no initializer", p.name);
  if (!p.complete()) return;
  make();
  p.chosen->fill(p.data, key);
}

void Parameter::set_grad_req(std::string_view grad_req) {
  QTK_CHECK(grad_req == "write" || grad_req == "null", ValueError,
            "[parameter] grad_req of {}, was {}, expected write or null", impl().name, grad_req);
  Impl& p = impl();
  const bool wants = grad_req == "write";
  if (wants == p.wants_grad) return;
  p.wants_grad = wants;
  if (!p.data.defined()) return;
  p.data = p.data.copy();  // a fresh array has no gradient slot
  if (wants) p.data.attach_grad();
}

void Parameter::cast(DType dtype) {
  QTK_CHECK(is_float(dtype), TypeError, "[parameter] dtype of {}, was {}, expected float32 or float64", impl().name,
            dtype_name(dtype));
  Impl& p = impl();
  if (dtype == p.dtype) return;
  p.dtype = dtype;
  if (!p.data.defined()) return;
  p.data = p.data.astype(dtype);
  if (p.wants_grad) p.data.attach_grad();
}

}  // namespace quantick::nn
