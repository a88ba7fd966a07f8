#include "quantick/train/fit.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>

#include "quantick/autograd/autograd.h"
#include "quantick/core/error.h"
#include "quantick/core/interrupt.h"
#include "quantick/ops/ops.h"
#include "quantick/ops/random.h"
#include "quantick/train/batches.h"
#include "quantick/train/checkpoint.h"
#include "quantick/train/metrics.h"
#include "quantick/train/predict.h"

namespace quantick::train {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
/// Outputs of a validation batch. Part of the result's bits, so it does not follow batch_size.
constexpr int64_t kPredictBatch = 256;

int64_t predict_batch(const Dataset& data) { return std::max<int64_t>(1, kPredictBatch / data.outputs()); }

void check(const FitOptions& o) {
  QTK_CHECK(o.epochs > 0, ValueError, "[train] epochs, was {}, expected > 0", o.epochs);
  QTK_CHECK(o.clip_gradient_norm >= 0, ValueError, "[train] clip_gradient_norm, was {}, expected >= 0",
            o.clip_gradient_norm);
  QTK_CHECK(o.monitor == "loss" || o.monitor == "ic" || o.monitor == "rank_ic", ValueError,
            "[train] monitor, was {}, expected loss, ic or rank_ic", o.monitor);
  QTK_CHECK(o.patience >= 0, ValueError, "[train] patience, was {}, expected >= 0", o.patience);
  QTK_CHECK(o.min_delta >= 0, ValueError, "[train] min_delta, was {}, expected >= 0", o.min_delta);
  QTK_CHECK(o.patience == 0 || o.validation != nullptr, ValueError,
            "[train] early stopping (patience {}) needs validation data", o.patience);
  QTK_CHECK(o.validation == nullptr || o.validation->size() > 0, ValueError,
            "[train] the validation data has no samples");
  QTK_CHECK(o.checkpoint_every_steps >= 0 && o.checkpoint_every_epochs >= 0, ValueError,
            "[train] checkpoint_every_steps and checkpoint_every_epochs, were {} and {}, expected >= 0",
            o.checkpoint_every_steps, o.checkpoint_every_epochs);
  QTK_CHECK(!o.resume || !o.checkpoint.empty(), ValueError, "[train] resume needs the name of a checkpoint file");
}

std::string kwargs_text(const std::string& name, const Attributes& kwargs) {
  std::vector<std::string> parts;
  for (const auto& [key, value] : kwargs) parts.push_back(key + "=" + attribute_text(value));
  std::sort(parts.begin(), parts.end());
  return fmt::format("{}({})", name, fmt::join(parts, ", "));
}

std::string first_nonfinite(std::span<const Array> arrays, std::span<const std::string> names) {
  for (size_t i = 0; i < arrays.size(); ++i) {
    const float* const values = arrays[i].data<float>();
    if (!std::all_of(values, values + arrays[i].size(), [](float v) { return std::isfinite(v); })) return names[i];
  }
  return "";
}

class Training {
 public:
  Training(nn::Block& net, const optim::Loss& loss, const Dataset& data, const FitOptions& options,
           std::span<Callback* const> callbacks)
      : net_(net),
        loss_(loss),
        data_(data),
        options_(options),
        callbacks_(callbacks),
        plan_(data, options.batching, options.batch_size, options.shuffle, Key(options.seed).fold("shuffle"),
              loss.per_group() ? 2 : 1),
        optimizer_(optim::make_optimizer(options.optimizer, options.optimizer_kwargs)),
        schedule_(optim::make_schedule(options.lr_scheduler, options.lr_scheduler_kwargs)) {
    QTK_CHECK(!loss.per_group() || options.batching == "dates", ValueError,
              "[train] {} looks across the samples of a date: batching, was {}, expected dates", loss.kind(),
              options.batching);
  }

  History run() {
    if (options_.hybridize && !net_.hybridized()) net_.hybridize();
    complete_shapes();
    if (options_.resume && std::filesystem::exists(options_.checkpoint))
      state_ = load_checkpoint(options_.checkpoint, net_, *optimizer_, identity());
    collect();
    if (options_.validation != nullptr) load_validation();
    if (!state_.stopped_early) state_.finished = state_.epoch > options_.epochs;
    try {
      while (!state_.finished) run_epoch();
    } catch (const InterruptedError&) {
      if (options_.checkpoint.empty()) throw;
      save();
      fail<InterruptedError>("[train] stopped by the user after step {}; {} holds the state, resume goes on from there",
                             state_.step, options_.checkpoint);
    }
    if (!options_.checkpoint.empty()) save();
    return finish();
  }

 private:
  double now() const { return options_.clock ? options_.clock() : 0; }

  /// Parameters whose shapes are open learn them from the first batch.
  void complete_shapes() {
    const autograd::Pause pause;
    const std::vector<int64_t> ids{0};
    net_(batch_inputs(data_, ids, options_.layout));
  }

  void collect() {
    for (const auto& [name, parameter] : net_.collect_params()) {
      all_.push_back(parameter.data());
      if (!parameter.wants_grad()) continue;
      QTK_CHECK(parameter.lr_mult() == 1 && parameter.wd_mult() == 1, UnsupportedError,
                "[train] lr_mult and wd_mult of {}, were {} and {}, expected 1: one rate and penalty hold for all "
                "parameters here, gluon.Trainer has factors",
                name, parameter.lr_mult(), parameter.wd_mult());
      names_.push_back(name);
      trained_.push_back(parameter.data());
    }
    QTK_CHECK(!trained_.empty(), ValueError, "[train] the network has no parameters to train");
  }

  TrainIdentity identity() const {
    const FitOptions& o = options_;
    TrainIdentity identity = {
        {"network", net_.kind()},
        {"loss", loss_.kind()},
        {"training samples", fmt::format("{}", data_.size())},
        {"window", fmt::format("{} x {}", data_.steps(), data_.features())},
        {"validation samples", fmt::format("{}", o.validation != nullptr ? o.validation->size() : 0)},
        {"batching", o.batching},
        {"batch_size", fmt::format("{}", o.batch_size)},
        {"shuffle", fmt::format("{}", o.shuffle)},
        {"seed", fmt::format("{}", o.seed)},
        {"optimizer", kwargs_text(o.optimizer, o.optimizer_kwargs)},
        {"lr_scheduler", kwargs_text(o.lr_scheduler, o.lr_scheduler_kwargs)},
        {"clip_gradient_norm", fmt::format("{}", o.clip_gradient_norm)},
        {"layout", o.layout},
        {"monitor", o.monitor}};
    identity.insert(o.facts.begin(), o.facts.end());
    return identity;
  }

  void save() const { save_checkpoint(options_.checkpoint, net_, *optimizer_, state_, identity()); }

  void run_epoch() {
    const double started = now();
    int64_t samples_here = 0;
    Control control;
    const auto batches = plan_.epoch(state_.epoch);
    while (state_.step_of_epoch < static_cast<int64_t>(batches.size()) && !control.stopping()) {
      check_interrupt();
      const Batch& batch = batches[static_cast<size_t>(state_.step_of_epoch)];
      StepInfo info = step(batch);
      samples_here += static_cast<int64_t>(batch.ids.size());
      info.steps_per_epoch = static_cast<int64_t>(batches.size());
      info.samples_per_second = speed(samples_here, now() - started);
      for (Callback* callback : callbacks_) callback->on_step(info, control);
      const int64_t every = options_.checkpoint_every_steps;
      if (every > 0 && state_.step % every == 0 && !options_.checkpoint.empty()) save();
    }
    EpochRecord record = {.epoch = state_.epoch,
                          .steps = state_.step,
                          .train_loss = state_.loss_sum / static_cast<double>(state_.samples),
                          .validation_loss = kNaN,
                          .validation_ic = kNaN,
                          .validation_rank_ic = kNaN,
                          .learning_rate = state_.last_learning_rate};
    record.samples_per_second = speed(samples_here, now() - started);
    if (options_.validation != nullptr) validate(record);
    record.seconds = now() - started;
    state_.epochs.push_back(record);
    for (Callback* callback : callbacks_) callback->on_epoch(record, control);
    end_epoch(control);
  }

  void end_epoch(const Control& control) {
    ++state_.epoch;
    state_.step_of_epoch = 0;
    state_.loss_sum = 0;
    state_.samples = 0;
    if (control.stopping()) {
      state_.stopped_early = true;
      state_.stop_reason = control.reason();
    } else if (options_.patience > 0 && state_.waited >= options_.patience) {
      state_.stopped_early = true;
      state_.stop_reason = fmt::format("validation {} has not improved for {} epochs", options_.monitor, state_.waited);
    }
    state_.finished = state_.stopped_early || state_.epoch > options_.epochs;
    const int64_t every = options_.checkpoint_every_epochs;
    if (every > 0 && (state_.epoch - 1) % every == 0 && !options_.checkpoint.empty()) save();
  }

  static double speed(int64_t samples, double seconds) {
    return seconds > 0 ? static_cast<double>(samples) / seconds : 0;
  }

  StepInfo step(const Batch& batch) {
    const auto size = static_cast<int64_t>(batch.ids.size());
    Array y = Array::empty({size, data_.outputs()});
    Array x = Array::empty({data_.steps(), size, data_.features()});
    data_.gather(batch.ids, x.mutable_data<float>(), y.mutable_data<float>());
    if (options_.layout == "NTC") x = x.transpose({1, 0, 2}).copy();
    Array weights;
    if (data_.has_weights()) {
      weights = Array::empty({size * data_.weight_count()});
      data_.gather_weights(batch.ids, weights.mutable_data<float>());
    }
    const int64_t number = state_.step + 1;
    const double rate = (*schedule_)(number, optimizer_->learning_rate());
    Array loss;
    {
      const RandomScope random(Key(options_.seed).fold("dropout").fold(static_cast<uint64_t>(number)));
      const autograd::Record record;
      loss = mean(loss_(net_(x), y, weights, batch.group_sizes));
    }
    const double value = loss.item();
    Arrays gradients = autograd::gradients(loss, trained_);
    const double norm = optim::global_norm(gradients);
    if (!std::isfinite(value) || !std::isfinite(norm)) fail_nonfinite(number, rate, value, x, y, gradients);
    if (options_.clip_gradient_norm > 0) optim::clip_global_norm(gradients, options_.clip_gradient_norm);
    optimizer_->step(trained_, gradients, rate);
    state_.step = number;
    ++state_.step_of_epoch;
    state_.loss_sum += value * static_cast<double>(size);
    state_.samples += size;
    state_.last_learning_rate = rate;
    return {.epoch = state_.epoch,
            .epochs = options_.epochs,
            .step = state_.step,
            .step_of_epoch = state_.step_of_epoch,
            .loss = value,
            .mean_loss = state_.loss_sum / static_cast<double>(state_.samples),
            .learning_rate = rate,
            .gradient_norm = norm};
  }

  [[noreturn]] void fail_nonfinite(int64_t number, double rate, double value, const Array& x, const Array& y,
                                   std::span<const Array> gradients) const {
    const Arrays batch = {x, y};
    const std::string batch_names[] = {"the features of the batch", "the labels of the batch"};
    std::string where = first_nonfinite(batch, batch_names);
    if (where.empty()) {
      if (const std::string name = first_nonfinite(trained_, names_); !name.empty()) where = "parameter " + name;
    }
    if (where.empty()) {
      if (const std::string name = first_nonfinite(gradients, names_); !name.empty())
        where = "the gradient of parameter " + name;
    }
    fail<ValueError>(
        "[train] loss {} at step {} (epoch {}, learning rate {}) or its gradient is not finite; first seen in {}; a "
        "smaller learning rate or clip_gradient_norm may help",
        value, number, state_.epoch, rate, where.empty() ? "the loss" : where);
  }

  void load_validation() {
    const Dataset& data = *options_.validation;
    validation_groups_ = group_sizes(data);
    std::vector<int64_t> ids(static_cast<size_t>(data.size()));
    std::iota(ids.begin(), ids.end(), int64_t{0});
    const auto rows = static_cast<size_t>(predict_batch(data));
    std::vector<float> x(static_cast<size_t>(data.steps() * data.features()) * rows);
    labels_.resize(ids.size() * static_cast<size_t>(data.outputs()));
    for (size_t start = 0; start < ids.size(); start += rows) {
      const size_t count = std::min(rows, ids.size() - start);
      data.gather(std::span(ids).subspan(start, count), x.data(),
                  labels_.data() + start * static_cast<size_t>(data.outputs()));
    }
    if (data.has_weights()) {
      weights_.resize(ids.size() * static_cast<size_t>(data.weight_count()));
      data.gather_weights(ids, weights_.data());
    }
  }

  /// Loss over all samples, or over all dates that the loss can use.
  double validation_loss(const std::vector<float>& predictions) const {
    const autograd::Pause pause;
    const int64_t width = options_.validation->outputs();
    double sum = 0;
    int64_t begin = 0, count = 0;
    for (const int64_t size : validation_groups_) {
      const auto rows = [&](const std::vector<float>& values, int64_t columns) {
        return Array::from(
            std::span(values).subspan(static_cast<size_t>(begin * columns), static_cast<size_t>(size * columns)),
            columns == 1 ? Shape{size} : Shape{size, columns});
      };
      if (!loss_.per_group() || size >= 2) {
        const Array weights = weights_.empty() ? Array() : rows(weights_, options_.validation->weight_count());
        const double value = mean(loss_(rows(predictions, width), rows(labels_, width), weights)).item();
        const int64_t share = loss_.per_group() ? 1 : size;
        sum += value * static_cast<double>(share);
        count += share;
      }
      begin += size;
    }
    return count > 0 ? sum / static_cast<double>(count) : kNaN;
  }

  void validate(EpochRecord& record) {
    const auto predictions = predict(net_, *options_.validation,
                                     {.batch_size = predict_batch(*options_.validation), .layout = options_.layout});
    QTK_CHECK(predictions.size() == labels_.size(), ShapeError,
              "[train] outputs of the network for the validation data, was {}, expected {}", predictions.size(),
              labels_.size());
    record.validation_loss = validation_loss(predictions);
    if (options_.validation->outputs() == 1) {
      const auto ic = information_coefficient(predictions, labels_, validation_groups_);
      record.validation_ic = ic.ic;
      record.validation_rank_ic = ic.rank_ic;
    }
    const bool smaller = options_.monitor == "loss";
    const double value = smaller                    ? record.validation_loss
                         : options_.monitor == "ic" ? record.validation_ic
                                                    : record.validation_rank_ic;
    const bool improved =
        std::isfinite(value) && (state_.best_epoch == 0 || (smaller ? value < state_.best - options_.min_delta
                                                                    : value > state_.best + options_.min_delta));
    record.best = improved;
    if (!improved) {
      ++state_.waited;
      return;
    }
    state_.best = value;
    state_.best_epoch = record.epoch;
    state_.waited = 0;
    state_.best_weights.clear();
    for (const Array& parameter : all_) state_.best_weights.push_back(parameter.copy());
  }

  History finish() {
    History history;
    history.epochs = state_.epochs;
    history.steps = state_.step;
    history.stopped_early = state_.stopped_early;
    history.stop_reason = state_.stop_reason;
    if (options_.restore_best && state_.best_epoch > 0) {
      for (size_t i = 0; i < all_.size(); ++i) all_[i].assign(state_.best_weights[i]);
      history.best_epoch = state_.best_epoch;
    }
    return history;
  }

  nn::Block& net_;
  const optim::Loss& loss_;
  const Dataset& data_;
  const FitOptions& options_;
  std::span<Callback* const> callbacks_;
  BatchPlan plan_;
  std::unique_ptr<optim::Optimizer> optimizer_;
  std::unique_ptr<optim::Schedule> schedule_;
  TrainState state_;
  Arrays all_, trained_;
  std::vector<std::string> names_;  ///< of trained_
  std::vector<int64_t> validation_groups_;
  std::vector<float> labels_, weights_;  ///< of the validation data
};

}  // namespace

History fit(nn::Block& net, const optim::Loss& loss, const Dataset& training, const FitOptions& options,
            std::span<Callback* const> callbacks) {
  check(options);
  QTK_CHECK(training.size() > 0, ValueError, "[train] the training data has no samples");
  return Training(net, loss, training, options, callbacks).run();
}

}  // namespace quantick::train
