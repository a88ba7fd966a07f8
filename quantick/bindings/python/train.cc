// The training loop with datasets made of arrays, and callbacks and losses written in Python.
#include "quantick/train/fit.h"

#include <nanobind/stl/map.h>

#include <cmath>
#include <memory>
#include <numeric>

#include "quantick/bindings/python/block.h"
#include "quantick/bindings/python/casters.h"
#include "quantick/bindings/python/fields.h"
#include "quantick/bindings/python/long_call.h"
#include "quantick/bindings/python/module.h"
#include "quantick/bindings/python/unlocked.h"
#include "quantick/core/error.h"
#include "quantick/train/batches.h"
#include "quantick/train/metrics.h"
#include "quantick/train/predict.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace quantick::python {
namespace {

/// A dict from names to values.
using Record = nb::typed<nb::dict, nb::str, nb::any>;

Array floats_of(nb::handle value) { return array_of(value).astype(DType::f32).contiguous(); }

/// Windows x [samples, steps, features] with labels y [samples, outputs], as arrays hold them.
class ArrayDataset final : public train::Dataset {
 public:
  ArrayDataset(nb::handle x, nb::handle y, nb::handle groups, nb::handle weights) : x_(floats_of(x)), y_(floats_of(y)) {
    QTK_CHECK(x_.ndim() == 3, ShapeError, "[train] x, was {}, expected (samples, steps, features)", x_.shape().text());
    QTK_CHECK((y_.ndim() == 1 || y_.ndim() == 2) && y_.shape()[0] == x_.shape()[0], ShapeError,
              "[train] y, was {}, expected ({},) or ({}, outputs)", y_.shape().text(), x_.shape()[0], x_.shape()[0]);
    if (!weights.is_none()) {
      weights_ = floats_of(weights);
      QTK_CHECK(weights_.ndim() > 0 && weights_.shape()[0] == size() &&
                    (weights_.size() == size() || weights_.size() == size() * outputs()),
                ShapeError, "[train] weights, was {}, expected ({},) or as y", weights_.shape().text(), size());
    }
    if (groups.is_none()) return;
    groups_ = array_of(groups).astype(DType::i64).contiguous();
    QTK_CHECK(groups_.ndim() == 1 && groups_.size() == size(), ShapeError, "[train] groups, was {}, expected ({},)",
              groups_.shape().text(), size());
  }

  int64_t size() const override { return x_.shape()[0]; }
  int64_t steps() const override { return x_.shape()[1]; }
  int64_t features() const override { return x_.shape()[2]; }
  int64_t outputs() const override { return y_.ndim() == 1 ? 1 : y_.shape()[1]; }
  void gather(std::span<const int64_t> ids, float* x, float* y) const override {
    const auto n = static_cast<int64_t>(ids.size()), width = features();
    for (int64_t i = 0; i < n; ++i) {
      const float* const window = x_.data<float>() + ids[static_cast<size_t>(i)] * steps() * width;
      for (int64_t t = 0; t < steps(); ++t) std::copy_n(window + t * width, width, x + (t * n + i) * width);
    }
    if (y != nullptr) gather_rows(y_, outputs(), ids, y);
  }
  /// Without groups every sample stands by itself.
  int64_t group(int64_t id) const override { return groups_.defined() ? groups_.data<int64_t>()[id] : id; }
  bool has_weights() const override { return weights_.defined(); }
  int64_t weight_count() const override { return weights_.defined() ? weights_.size() / size() : 1; }
  void gather_weights(std::span<const int64_t> ids, float* weights) const override {
    gather_rows(weights_, weight_count(), ids, weights);
  }

 private:
  static void gather_rows(const Array& rows, int64_t width, std::span<const int64_t> ids, float* out) {
    for (size_t i = 0; i < ids.size(); ++i)
      std::copy_n(rows.data<float>() + ids[i] * width, width, out + static_cast<int64_t>(i) * width);
  }

  Array x_, y_, groups_, weights_;
};

/// Windows of a panel: features [T, N, F], labels [T, N]. A sample is a (date, instrument) with a finite label whose
/// last `window` bars are finite; its group is the date. The panel is held once, whatever the window.
class PanelDataset final : public train::Dataset {
 public:
  PanelDataset(nb::handle features, nb::handle labels, int64_t window, int64_t first, int64_t last)
      : features_(floats_of(features)), labels_(floats_of(labels)), window_(window) {
    const Shape& shape = features_.shape();
    QTK_CHECK(shape.ndim() == 3, ShapeError, "[train] features, was {}, expected (dates, instruments, features)",
              shape.text());
    QTK_CHECK(labels_.shape() == (Shape{shape[0], shape[1]}), ShapeError, "[train] labels, was {}, expected ({}, {})",
              labels_.shape().text(), shape[0], shape[1]);
    QTK_CHECK(window > 0, ValueError, "[train] window, was {}, expected > 0", window);
    if (last < 0) last = shape[0];
    QTK_CHECK(first >= 0 && first <= last && last <= shape[0], ValueError,
              "[train] dates {} to {}, expected a range within 0 to {}", first, last, shape[0]);
    const int64_t n = shape[1], width = shape[2];
    std::vector<int64_t> run(static_cast<size_t>(n), 0);  // bars in a row without a missing feature
    for (int64_t t = 0; t < last; ++t) {
      for (int64_t i = 0; i < n; ++i) {
        const float* const bar = features_.data<float>() + (t * n + i) * width;
        auto& complete = run[static_cast<size_t>(i)];
        complete = std::all_of(bar, bar + width, [](float v) { return std::isfinite(v); }) ? complete + 1 : 0;
        if (t >= first && complete >= window && std::isfinite(labels_.data<float>()[t * n + i]))
          ids_.push_back(t * n + i);
      }
    }
  }

  int64_t size() const override { return static_cast<int64_t>(ids_.size()); }
  int64_t steps() const override { return window_; }
  int64_t features() const override { return features_.shape()[2]; }
  void gather(std::span<const int64_t> ids, float* x, float* y) const override {
    const auto n = static_cast<int64_t>(ids.size()), names = features_.shape()[1], width = features();
    for (int64_t i = 0; i < n; ++i) {
      const int64_t place = ids_[static_cast<size_t>(ids[static_cast<size_t>(i)])];
      for (int64_t t = 0; t < window_; ++t)
        std::copy_n(features_.data<float>() + (place - (window_ - 1 - t) * names) * width, width,
                    x + (t * n + i) * width);
      if (y != nullptr) y[i] = labels_.data<float>()[place];
    }
  }
  int64_t group(int64_t id) const override { return ids_[static_cast<size_t>(id)] / features_.shape()[1]; }
  /// (date, instrument) of each sample, [samples, 2].
  Array places() const {
    std::vector<int64_t> out;
    for (const int64_t place : ids_) {
      out.push_back(place / features_.shape()[1]);
      out.push_back(place % features_.shape()[1]);
    }
    return Array::from(out, {size(), 2});
  }

 private:
  Array features_, labels_;
  int64_t window_;
  std::vector<int64_t> ids_;  ///< date * instruments + instrument
};

/// A callable loss(prediction, label[, sample_weight]) that gives one value per sample.
class PythonLoss final : public optim::Loss {
 public:
  explicit PythonLoss(nb::handle loss) : loss_(nb::borrow(loss)) {}
  Array operator()(const Array& prediction, const Array& label, const Array& sample_weight,
                   std::span<const int64_t>) const override {
    const Locked lock;
    return array_of(sample_weight.defined() ? loss_(prediction, label, sample_weight) : loss_(prediction, label));
  }
  std::string kind() const override {
    const Locked lock;
    return class_name(loss_);
  }

 private:
  nb::object loss_;
};

/// Hands steps and epochs to objects with on_step and on_epoch. They get a Control of Python's own, which they may
/// keep: what is asked of it, by another thread too, counts from the next call on.
class PythonCallbacks final : public train::Callback {
 public:
  explicit PythonCallbacks(const nb::iterable& callbacks) : asked_(nb::cast(train::Control())) {
    for (nb::handle callback : callbacks) callbacks_.push_back(nb::borrow(callback));
  }
  void on_step(const train::StepInfo& step, train::Control& control) override { call("on_step", step, control); }
  void on_epoch(const train::EpochRecord& epoch, train::Control& control) override { call("on_epoch", epoch, control); }

 private:
  template <class Info>
  void call(const char* name, const Info& info, train::Control& control) {
    if (callbacks_.empty()) return;
    const Locked lock;
    const nb::object copy = nb::cast(info, nb::rv_policy::copy);
    auto& asked = nb::cast<train::Control&>(asked_);
    if (control.stopping()) asked.stop(control.reason());
    for (const nb::object& callback : callbacks_) callback.attr(name)(copy, asked_);
    if (asked.stopping()) control.stop(asked.reason());
  }

  std::vector<nb::object> callbacks_;
  nb::object asked_;
};

/// The options by the names of quantick.train.fit, which gives all of them.
train::FitOptions fit_options(const nb::dict& values) {
  train::FitOptions o;
  const auto take = [&](const char* name, auto& member) {
    if (const nb::object value = values[name]; !value.is_none()) read_value(value, member, "fit", name);
  };
  const auto attributes = [&](const char* name, Attributes& member) {
    const nb::object held = values[name];
    if (held.is_none()) return;
    if (!nb::isinstance<nb::dict>(held)) refuse_type("fit", name, held, "a dict");
    member = attributes_of(nb::borrow<nb::dict>(held));
  };
  take("epochs", o.epochs);
  take("batch_size", o.batch_size);
  take("batching", o.batching);
  take("shuffle", o.shuffle);
  take("seed", o.seed);
  take("optimizer", o.optimizer);
  attributes("optimizer_params", o.optimizer_kwargs);
  take("lr_scheduler", o.lr_scheduler);
  attributes("lr_scheduler_params", o.lr_scheduler_kwargs);
  take("clip_gradient_norm", o.clip_gradient_norm);
  take("hybridize", o.hybridize);
  take("layout", o.layout);
  take("monitor", o.monitor);
  take("patience", o.patience);
  take("min_delta", o.min_delta);
  take("restore_best", o.restore_best);
  take("checkpoint", o.checkpoint);
  take("checkpoint_every_steps", o.checkpoint_every_steps);
  take("checkpoint_every_epochs", o.checkpoint_every_epochs);
  if (const nb::object facts = values["facts"]; !facts.is_none())
    o.facts = nb::cast<std::map<std::string, std::string>>(facts);
  take("resume", o.resume);
  return o;
}

Record fit(nn::Block& net, nb::handle loss, const train::Dataset& data, const train::Dataset* validation,
           const nb::typed<nb::iterable, nb::any>& callbacks, const Record& options) {
  train::FitOptions typed = fit_options(options);
  typed.validation = validation;
  const nb::object monotonic = nb::module_::import_("time").attr("monotonic");
  typed.clock = [&monotonic] {
    const Locked lock;
    return nb::cast<double>(monotonic());
  };
  // Python code that does not say that it may be traced runs at every step.
  typed.hybridize = typed.hybridize && is_hybrid(net);
  PythonCallbacks python(callbacks);
  train::Callback* const list[] = {&python};
  std::unique_ptr<PythonLoss> own;
  const optim::Loss* chosen = nullptr;
  if (nb::isinstance<optim::Loss>(loss)) {
    chosen = nb::cast<const optim::Loss*>(loss);
  } else {
    own = std::make_unique<PythonLoss>(loss);
    chosen = own.get();
  }
  train::History history;
  {
    const LongCall call;
    history = train::fit(net, *chosen, data, typed, list);
  }
  Record out;
  out["epochs"] = python_value(history.epochs);
  out["steps"] = history.steps;
  out["best_epoch"] = history.best_epoch;
  out["stopped_early"] = history.stopped_early;
  out["stop_reason"] = history.stop_reason;
  return out;
}

Array predict(nn::Block& net, const train::Dataset& data, int64_t batch_size, const std::string& layout) {
  std::vector<float> values;
  {
    const LongCall call;
    values = train::predict(net, data, {.batch_size = batch_size, .layout = layout});
  }
  const int64_t width = data.size() > 0 ? static_cast<int64_t>(values.size()) / data.size() : 1;
  return Array::from(values, width == 1 ? Shape{data.size()} : Shape{data.size(), width});
}

/// Mean over groups of ICs and rank ICs.
Record information_coefficient(const train::Dataset& data, nb::handle predictions, nb::handle labels) {
  const auto p = floats_of(predictions).to_vector<float>(), y = floats_of(labels).to_vector<float>();
  const auto ic = train::information_coefficient(p, y, train::group_sizes(data));
  Record out;
  out["ic"] = ic.ic;
  out["rank_ic"] = ic.rank_ic;
  out["groups"] = ic.groups;
  return out;
}

Array labels_of(const train::Dataset& data) {
  std::vector<int64_t> ids(static_cast<size_t>(data.size()));
  std::iota(ids.begin(), ids.end(), int64_t{0});
  std::vector<float> x(static_cast<size_t>(data.steps() * data.features())),
      y(ids.size() * static_cast<size_t>(data.outputs()));
  for (size_t i = 0; i < ids.size(); ++i)
    data.gather(std::span(ids).subspan(i, 1), x.data(), y.data() + i * static_cast<size_t>(data.outputs()));
  return Array::from(y, data.outputs() == 1 ? Shape{data.size()} : Shape{data.size(), data.outputs()});
}

template <class Info>
nb::class_<Info> bind_record(nb::module_& m, const char* name, const char* doc) {
  nb::class_<Info> out(m, name, doc);
  std::apply([&](const auto&... entry) { (out.def_ro(entry.name.data(), entry.member, entry.doc.data()), ...); },
             Info::fields());
  return out;
}

}  // namespace

void bind_train(nb::module_& m) {
  nb::class_<train::Dataset>(m, "Dataset", "Samples for train.fit, ordered by group.")
      .def("__len__", &train::Dataset::size)
      .def_prop_ro("steps", &train::Dataset::steps)
      .def_prop_ro("features", &train::Dataset::features)
      .def_prop_ro("outputs", &train::Dataset::outputs)
      .def("labels", &labels_of, "(samples,), or (samples, outputs).")
      .def("information_coefficient", &information_coefficient, "predictions"_a, "labels"_a,
           "Means over groups of Pearson's and Spearman's correlation: a dict of ic, rank_ic, groups.");
  nb::class_<ArrayDataset, train::Dataset>(m, "ArrayDataset", nb::is_final(),
                                           "x (samples, steps, features), y (samples,) or (samples, outputs).")
      .def(
          nb::init<nb::handle, nb::handle, nb::handle, nb::handle>(), "x"_a, "y"_a, "groups"_a = nb::none(),
          "weights"_a = nb::none(),
          "groups: ascending numbers that samples of one date share. weights: per sample, or as y. Throws ShapeError.");
  nb::class_<PanelDataset, train::Dataset>(
      m, "PanelDataset", nb::is_final(),
      "Windows of features (dates, instruments, features) with labels (dates, instruments); NaN: missing.")
      .def(nb::init<nb::handle, nb::handle, int64_t, int64_t, int64_t>(), "features"_a, "labels"_a, "window"_a,
           "first"_a = 0, "last"_a = -1,
           "Samples have dates in first .. last - 1 (-1: all), a finite label, and `window` complete bars up to their "
           "date. Throws ShapeError, ValueError.")
      .def("places", &PanelDataset::places, "(samples, 2): date and instrument of each sample.");
  nb::class_<train::Control>(m, "Control", "Lets a callback end the training.")
      .def("stop", &train::Control::stop, "reason"_a = "", "After this step's or epoch's bookkeeping.")
      .def_prop_ro("stopping", &train::Control::stopping)
      .def_prop_ro("reason", &train::Control::reason);
  nb::class_<train::StepInfo>(m, "StepInfo", "What a step of training tells.")
      .def_ro("epoch", &train::StepInfo::epoch, "Counts from 1.")
      .def_ro("epochs", &train::StepInfo::epochs, "Planned.")
      .def_ro("step", &train::StepInfo::step, "Over the whole training, from 1.")
      .def_ro("step_of_epoch", &train::StepInfo::step_of_epoch)
      .def_ro("steps_per_epoch", &train::StepInfo::steps_per_epoch)
      .def_ro("loss", &train::StepInfo::loss, "Of this batch.")
      .def_ro("mean_loss", &train::StepInfo::mean_loss, "Of the epoch so far.")
      .def_ro("learning_rate", &train::StepInfo::learning_rate)
      .def_ro("gradient_norm", &train::StepInfo::gradient_norm, "Before clipping.")
      .def_ro("samples_per_second", &train::StepInfo::samples_per_second);
  bind_record<train::EpochRecord>(m, "EpochRecord", "What an epoch of training tells.");
  m.def("fit", &fit, "net"_a, "loss"_a, "data"_a, "validation"_a.none(), "callbacks"_a, "options"_a);
  m.def("predict", &predict, "net"_a, "data"_a, "batch_size"_a = 256, "layout"_a = "TNC");
}

}  // namespace quantick::python
