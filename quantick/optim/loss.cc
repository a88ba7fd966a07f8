#include "quantick/optim/loss.h"

#include <numeric>
#include <utility>
#include <vector>

#include "quantick/core/error.h"
#include "quantick/ops/ops.h"
#include "quantick/optim/class_table.h"

namespace quantick::optim {
namespace {

/// Whether one shape is the other but for axes of extent 1, or the same elements on more or fewer axes, as MXNet takes
/// them. A transposed label, (2, 4) for (4, 2), is another one.
bool alike(const Shape& a, const Shape& b) {
  const auto held = [](const Shape& shape) {
    std::vector<int64_t> extents;
    for (int64_t extent : shape)
      if (extent != 1) extents.push_back(extent);
    return extents;
  };
  const std::vector<int64_t> first = held(a), second = held(b);
  return first == second || first.size() != second.size();
}

/// The label in the prediction's shape.
Array label_like(const Array& label, const Array& prediction, std::string_view who) {
  QTK_CHECK(prediction.ndim() >= 1, ShapeError, "[{}] prediction has no axes, expected (N, ...)", who);
  QTK_CHECK(label.size() == prediction.size() && alike(label.shape(), prediction.shape()), ShapeError,
            "[{}] label shape, was {}, expected that of the prediction {}", who, label.shape().text(),
            prediction.shape().text());
  return label.shape() == prediction.shape() ? label : reshape(label, prediction.shape());
}

/// Weights that broadcast against the prediction: one per sample or one per element.
Array weight_like(const Array& weight, const Array& prediction, std::string_view who) {
  if (weight.size() == prediction.size() && alike(weight.shape(), prediction.shape()))
    return weight.shape() == prediction.shape() ? weight : reshape(weight, prediction.shape());
  QTK_CHECK(weight.size() == prediction.shape()[0], ShapeError,
            "[{}] sample_weight shape, was {}, expected one weight per sample of {}", who, weight.shape().text(),
            prediction.shape().text());
  Shape shape = prediction.shape();
  for (int axis = 1; axis < shape.ndim(); ++axis) shape[axis] = 1;
  return reshape(weight, shape);
}

/// factor * sample_weight * element losses, mean over all axes but the first.
Array per_sample(Array losses, double factor, const Array& sample_weight, std::string_view who) {
  if (factor != 1) losses = losses * factor;
  if (sample_weight.defined()) losses = losses * weight_like(sample_weight, losses, who);
  if (losses.ndim() == 1) return losses;
  std::vector<int64_t> axes(static_cast<size_t>(losses.ndim() - 1));
  std::iota(axes.begin(), axes.end(), 1);
  return mean(losses, axes);
}

}  // namespace

Array L2Loss::operator()(const Array& prediction, const Array& label, const Array& sample_weight,
                         std::span<const int64_t>) const {
  const Array difference = label_like(label, prediction, "l2_loss") - prediction;
  return per_sample(square(difference), options_.weight / 2, sample_weight, "l2_loss");
}

Array L1Loss::operator()(const Array& prediction, const Array& label, const Array& sample_weight,
                         std::span<const int64_t>) const {
  return per_sample(abs(label_like(label, prediction, "l1_loss") - prediction), options_.weight, sample_weight,
                    "l1_loss");
}

HuberLoss::HuberLoss(const HuberLossOptions& options) : options_(options) {
  QTK_CHECK(options.rho > 0, ValueError, "[huber_loss] rho, was {}, expected > 0", options.rho);
}

Array HuberLoss::operator()(const Array& prediction, const Array& label, const Array& sample_weight,
                            std::span<const int64_t>) const {
  const Array distance = abs(label_like(label, prediction, "huber_loss") - prediction);
  const double rho = options_.rho;
  const Array losses = where(distance > rho, distance - 0.5 * rho, square(distance) * (0.5 / rho));
  return per_sample(losses, options_.weight, sample_weight, "huber_loss");
}

QuantileLoss::QuantileLoss(const QuantileLossOptions& options) : options_(options) {
  QTK_CHECK(options.quantile > 0 && options.quantile < 1, ValueError,
            "[quantile_loss] quantile, was {}, expected 0 < q < 1", options.quantile);
}

Array QuantileLoss::operator()(const Array& prediction, const Array& label, const Array& sample_weight,
                               std::span<const int64_t>) const {
  const Array difference = label_like(label, prediction, "quantile_loss") - prediction;
  const Array losses = maximum(difference * options_.quantile, difference * (options_.quantile - 1));
  return per_sample(losses, options_.weight, sample_weight, "quantile_loss");
}

NegativeICLoss::NegativeICLoss(const NegativeICLossOptions& options) : options_(options) {
  QTK_CHECK(options.epsilon > 0, ValueError, "[negative_ic_loss] epsilon, was {}, expected > 0", options.epsilon);
}

Array NegativeICLoss::operator()(const Array& prediction, const Array& label, const Array& sample_weight,
                                 std::span<const int64_t> groups) const {
  constexpr std::string_view who = "negative_ic_loss";
  const Array labels = label_like(label, prediction, who);
  const int64_t samples = prediction.shape()[0];
  const std::vector<int64_t> sizes =
      groups.empty() ? std::vector<int64_t>{samples} : std::vector<int64_t>(groups.begin(), groups.end());
  const int64_t total = std::accumulate(sizes.begin(), sizes.end(), int64_t{0});
  QTK_CHECK(total == samples, ShapeError, "[{}] samples in groups, was {}, expected {}", who, total, samples);
  const Array weights = sample_weight.defined() ? weight_like(sample_weight, prediction, who) : Array();
  Arrays values;
  int64_t start = 0;
  for (const int64_t size : sizes) {
    QTK_CHECK(size >= 2, ValueError, "[{}] samples in a group, was {}, expected 2 or more", who, size);
    const auto part = [&](const Array& x) { return sizes.size() == 1 ? x : slice(x, 0, start, start + size); };
    const Array x = part(prediction), y = part(labels);
    const Array w = weights.defined() ? part(weights) : Array();
    const auto average = [&](const Array& v) { return w.defined() ? sum(v * w) / sum(w) : mean(v); };
    const Array dx = x - average(x), dy = y - average(y);
    const Array deviations =
        sqrt(average(square(dx)) + options_.epsilon) * sqrt(average(square(dy)) + options_.epsilon);
    values.push_back(average(dx * dy) / deviations * -options_.weight);
    start += size;
  }
  return stack(values, 0);
}

namespace {

const ClassTable<Loss>& losses() {
  static const ClassTable<Loss> table("loss",
                                      {
                                          class_entry<Loss, L2Loss, L2LossOptions>("L2Loss"),
                                          class_entry<Loss, L1Loss, L1LossOptions>("L1Loss"),
                                          class_entry<Loss, HuberLoss, HuberLossOptions>("HuberLoss"),
                                          class_entry<Loss, QuantileLoss, QuantileLossOptions>("QuantileLoss"),
                                          class_entry<Loss, NegativeICLoss, NegativeICLossOptions>("NegativeICLoss"),
                                      });
  return table;
}

}  // namespace

std::unique_ptr<Loss> make_loss(std::string_view class_name, const Attributes& kwargs) {
  return losses().make(class_name, kwargs);
}

std::vector<std::string> loss_names() { return losses().names(); }

}  // namespace quantick::optim
