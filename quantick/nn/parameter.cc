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
  bool requested = false;
  std::string_view grad_req = "write";
  double lr_mult = 1, wd_mult = 1;
  uint64_t first_grad = 0;     ///< id of the zeros that the gradient begins as
  std::shared_ptr<Impl> tied;  ///< what stands in this one's place

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
  Impl* p = impl_.get();
  while (p->tied != nullptr) p = p->tied.get();
  return *p;
}

void Parameter::tie(const Parameter& other) {
  Impl &own = impl(), &kept = other.impl();
  if (&own == &kept) return;
  QTK_CHECK(own.dtype == kept.dtype, TypeError, "[parameter] {} cannot share {}: its dtype, was {}, expected {}",
            own.name, kept.name, dtype_name(kept.dtype), dtype_name(own.dtype));
  Shape merged = kept.shape;
  bool fits = own.shape.ndim() == merged.ndim();
  for (int axis = 0; fits && axis < merged.ndim(); ++axis) {
    fits = own.shape[axis] == 0 || merged[axis] == 0 || own.shape[axis] == merged[axis];
    if (merged[axis] == 0) merged[axis] = own.shape[axis];
  }
  QTK_CHECK(fits, ShapeError, "[parameter] {} cannot share {}: its shape, was {}, expected {} (0: any)", own.name,
            kept.name, kept.shape.text(), own.shape.text());
  kept.shape = merged;
  std::shared_ptr<Impl> root = other.impl_;
  while (root->tied != nullptr) root = root->tied;
  own.data = Array();
  own.tied = std::move(root);
  if (kept.requested && !kept.data.defined() && kept.complete()) initialize(kept.chosen, kept.key);
}

const std::string& Parameter::name() const { return impl().name; }
const Shape& Parameter::shape() const { return impl().shape; }
DType Parameter::dtype() const { return impl().dtype; }
bool Parameter::initialized() const { return impl().data.defined(); }
std::string_view Parameter::grad_req() const { return impl().grad_req; }
double Parameter::lr_mult() const { return impl().lr_mult; }
double Parameter::wd_mult() const { return impl().wd_mult; }

const Array& Parameter::data() const {
  Impl& p = impl();
  if (!p.data.defined()) {
    QTK_CHECK(p.requested, ValueError, "[parameter] {} is not initialized: call initialize() on the block first",
              p.name);
    fail<ValueError>(
        "[parameter] shape of {} is still open, was {}: run a forward pass first; a block of one's own completes it in "
        "infer_shape()",
        p.name, p.shape.text());
  }
  return p.data;
}

Array Parameter::grad() const {
  QTK_CHECK(wants_grad(), ValueError, "[parameter] {} keeps no gradient (grad_req is null)", impl().name);
  return data().grad();
}

bool Parameter::grad_is_set() const { return grad().id() != impl().first_grad; }

void Parameter::zero_grad() {
  Impl& p = impl();
  if (p.data.defined() && wants_grad()) p.data.set_grad(Array::zeros(p.shape, p.dtype));
}

void Parameter::make() {
  Impl& p = impl();
  if (!p.data.defined()) {
    p.data = Array::zeros(p.shape, p.dtype);
    attach();
  }
}

void Parameter::attach() {
  if (!wants_grad()) return;
  Array& data = impl().data;
  data.attach_grad();
  impl().first_grad = data.grad().id();
  data.set_grad_adds(grad_req() == "add");
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
  static constexpr std::string_view known[] = {"write", "add", "null"};
  const auto* const wanted = std::find(std::begin(known), std::end(known), grad_req);
  QTK_CHECK(wanted != std::end(known), ValueError, "[parameter] grad_req of {}, was {}, expected write, add or null",
            impl().name, grad_req);
  Impl& p = impl();
  if (*wanted == p.grad_req) return;
  const bool kept = wants_grad() && *wanted != "null";
  p.grad_req = *wanted;
  if (!p.data.defined()) return;
  if (kept) return p.data.set_grad_adds(p.grad_req == "add");
  p.data = p.data.copy();  // a fresh array has no gradient slot
  attach();
}

void Parameter::set_lr_mult(double factor) { impl().lr_mult = factor; }
void Parameter::set_wd_mult(double factor) { impl().wd_mult = factor; }

void Parameter::cast(DType dtype) {
  QTK_CHECK(is_float(dtype), TypeError, "[parameter] dtype of {}, was {}, expected float32 or float64", impl().name,
            dtype_name(dtype));
  Impl& p = impl();
  if (dtype == p.dtype) return;
  p.dtype = dtype;
  if (!p.data.defined()) return;
  p.data = p.data.astype(dtype);
  attach();
}

}  // namespace quantick::nn
