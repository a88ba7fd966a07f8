#include "quantick/train/fit.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <numeric>

#include "quantick/core/file.h"
#include "quantick/core/interrupt.h"
#include "quantick/core/rng.h"
#include "quantick/core/thread_pool.h"
#include "quantick/nn/nn.h"
#include "quantick/train/batches.h"
#include "quantick/train/checkpoint.h"
#include "quantick/train/predict.h"
#include "quantick/train/progress_bar.h"

namespace quantick::train {
namespace {

/// Windows of noise whose label is the mean of the first feature over the window plus a little noise.
class Synthetic final : public Dataset {
 public:
  Synthetic(int64_t dates, int64_t per_date, uint64_t seed) : dates_(dates), per_date_(per_date), key_(seed) {}
  int64_t size() const override { return dates_ * per_date_; }
  int64_t steps() const override { return 4; }
  int64_t features() const override { return 3; }
  int64_t group(int64_t id) const override { return id / per_date_; }
  void gather(std::span<const int64_t> ids, float* x, float* y) const override {
    const auto n = static_cast<int64_t>(ids.size());
    for (int64_t i = 0; i < n; ++i) {
      const auto id = static_cast<uint64_t>(ids[static_cast<size_t>(i)]);
      double sum = 0;
      for (int64_t t = 0; t < 4; ++t) {
        for (int64_t f = 0; f < 3; ++f) {
          const double v = key_.fold(id).normal(static_cast<uint64_t>(t * 3 + f));
          x[(t * n + i) * 3 + f] = static_cast<float>(v);
          if (f == 0) sum += v;
        }
      }
      if (y != nullptr) y[i] = static_cast<float>(sum / 4 + 0.1 * key_.fold(id).normal(99)) * scale;
      if (y != nullptr && static_cast<int64_t>(id) == poisoned) y[i] = std::numeric_limits<float>::quiet_NaN();
    }
  }
  float scale = 1;
  int64_t poisoned = -1;

 private:
  int64_t dates_, per_date_;
  Key key_;
};

nn::Sequential make_net(double dropout = 0.2) {
  nn::Sequential net(nn::LSTM(8, {.num_layers = 2, .dropout = dropout}), nn::SequenceLast(), nn::Dropout(dropout),
                     nn::Dense(1));
  net.initialize(nn::xavier(), 3);
  return net;
}

bool same_parameters(const nn::Block& a, const nn::Block& b) {
  const auto left = a.collect_params(), right = b.collect_params();
  for (size_t i = 0; i < left.size(); ++i)
    if (!same_bits(left[i].second.data(), right[i].second.data())) return false;
  return left.size() == right.size();
}

std::string temporary(const std::string& name) {
  const std::string path =
      (std::filesystem::temp_directory_path() / fmt::format("qtk_{}_{}", ::getpid(), name)).string();
  std::filesystem::remove(path);
  return path;
}

template <class E, class F>
std::string error_of(F&& f) {
  try {
    f();
  } catch (const E& error) {
    return error.what();
  }
  return "no error";
}

/// Asks for an interrupt after a number of steps, as Ctrl-C would.
class StopAfter final : public Callback {
 public:
  explicit StopAfter(int64_t steps) : steps_(steps) {}
  void on_step(const StepInfo& step, Control&) override {
    if (step.step == steps_) request_interrupt();
  }

 private:
  int64_t steps_;
};

TEST(Fit, LearnsASyntheticProblem) {
  const Synthetic data(40, 16, 1), held(10, 16, 2);
  auto net = make_net(0);
  const History history =
      fit(net, optim::L2Loss(), data,
          {.epochs = 12, .batch_size = 32, .optimizer_kwargs = {{"learning_rate", 0.01}}, .validation = &held});
  ASSERT_EQ(history.epochs.size(), 12u);
  EXPECT_LT(history.epochs.back().train_loss, 0.3 * history.epochs.front().train_loss);
  EXPECT_GT(history.epochs.back().validation_ic, 0.8);
  EXPECT_GT(history.epochs.back().validation_rank_ic, 0.7);
  EXPECT_EQ(history.steps, 12 * 20);
}

TEST(Fit, NegativeIcLearnsOnWholeDates) {
  const Synthetic data(40, 16, 1), held(10, 16, 2);
  auto net = make_net(0);
  const History history = fit(net, optim::NegativeICLoss(), data,
                              {.epochs = 8,
                               .batch_size = 4,
                               .batching = "dates",
                               .optimizer_kwargs = {{"learning_rate", 0.01}},
                               .validation = &held,
                               .monitor = "rank_ic"});
  EXPECT_GT(history.epochs.back().validation_ic, 0.7);
  EXPECT_NEAR(history.epochs.back().validation_loss, -history.epochs.back().validation_ic, 1e-4);
  EXPECT_NE(error_of<ValueError>([&] {
              fit(net, optim::NegativeICLoss(), data, {.batching = "samples"});
            }).find("batching, was samples, expected dates"),
            std::string::npos);
}

FitOptions twenty_steps() {
  return {.epochs = 4, .batch_size = 32, .seed = 5, .optimizer = "AdamW", .clip_gradient_norm = 0.5};  // 5 steps each
}

TEST(Fit, ThreadsDoNotChangeBits) {
  const Synthetic data(10, 16, 1);
  const int before = thread_count();
  std::vector<nn::Sequential> nets;
  for (const int threads : {1, 2}) {
    set_thread_count(threads);
    nets.push_back(make_net());
    EXPECT_EQ(fit(nets.back(), optim::L2Loss(), data, twenty_steps()).steps, 20);
  }
  set_thread_count(before);
  EXPECT_TRUE(same_parameters(nets[0], nets[1]));
}

TEST(Fit, HybridizedAndImperativeTrainingHaveTheSameBits) {
  const Synthetic data(10, 16, 1);
  auto hybrid = make_net(), imperative = make_net(), other_seed = make_net();
  FitOptions options = twenty_steps();
  fit(hybrid, optim::L2Loss(), data, options);
  options.hybridize = false;
  fit(imperative, optim::L2Loss(), data, options);
  EXPECT_TRUE(same_parameters(hybrid, imperative));
  options.seed = 6;
  fit(other_seed, optim::L2Loss(), data, options);
  EXPECT_FALSE(same_parameters(hybrid, other_seed));
}

TEST(Fit, ResumedRunHasTheBitsOfTheUninterruptedOne) {
  const Synthetic data(10, 16, 1), held(5, 16, 2);
  for (const int64_t killed_at : {1, 7, 10, 20}) {  // within epochs, at an epoch's end, at the end
    FitOptions options = twenty_steps();
    options.validation = &held;
    auto whole = make_net();
    const History expected = fit(whole, optim::L2Loss(), data, options);

    options.checkpoint = temporary("resume.safetensors");
    options.resume = true;
    auto first = make_net();
    StopAfter stop(killed_at);
    Callback* callbacks[] = {&stop};
    const std::string text = error_of<InterruptedError>([&] { fit(first, optim::L2Loss(), data, options, callbacks); });
    clear_interrupt();
    EXPECT_NE(text.find(fmt::format("after step {}", killed_at)), std::string::npos) << text;

    auto second = make_net();
    second.initialize(nn::uniform(), 77, true);  // values must come from the file
    const History resumed = fit(second, optim::L2Loss(), data, options);
    EXPECT_TRUE(same_parameters(whole, second)) << killed_at;
    ASSERT_EQ(resumed.epochs.size(), expected.epochs.size());
    for (size_t i = 0; i < expected.epochs.size(); ++i) {
      EXPECT_EQ(resumed.epochs[i].train_loss, expected.epochs[i].train_loss);
      EXPECT_EQ(resumed.epochs[i].validation_ic, expected.epochs[i].validation_ic);
    }
    EXPECT_EQ(resumed.best_epoch, expected.best_epoch);
    auto third = make_net();  // a finished training is only read
    EXPECT_EQ(fit(third, optim::L2Loss(), data, options).steps, 20);
    EXPECT_TRUE(same_parameters(whole, third));
    std::filesystem::remove(options.checkpoint);
  }
}

TEST(Fit, RefusesTheCheckpointOfAnotherTraining) {
  const Synthetic data(10, 16, 1);
  FitOptions options = twenty_steps();
  options.epochs = 1;
  options.checkpoint = temporary("other.safetensors");
  auto net = make_net();
  fit(net, optim::L2Loss(), data, options);
  options.resume = true;
  options.seed = 8;
  options.optimizer = "SGD";
  const std::string text = error_of<ValueError>([&] { fit(net, optim::L1Loss(), data, options); });
  for (const char* part :
       {"loss was L2Loss and is L1Loss", "seed was 5 and is 8", "optimizer was AdamW() and is SGD()"})
    EXPECT_NE(text.find(part), std::string::npos) << text;
  write_file(options.checkpoint, std::string_view(read_file(options.checkpoint)).substr(0, 500));
  EXPECT_THROW(fit(net, optim::L1Loss(), data, options), FormatError);
  std::filesystem::remove(options.checkpoint);
  net.save_parameters(options.checkpoint);
  EXPECT_NE(
      error_of<FormatError>([&] { fit(net, optim::L1Loss(), data, options); }).find("is not a training checkpoint"),
      std::string::npos);
  std::filesystem::remove(options.checkpoint);
}

TEST(Fit, StopsEarlyAndRestoresTheBestWeights) {
  // Labels of the held-out data have the wrong sign, so that the first epoch is the best.
  const Synthetic data(10, 16, 1);
  Synthetic held(5, 16, 2);
  held.scale = -1;
  FitOptions options = {.epochs = 50,
                        .batch_size = 32,
                        .optimizer_kwargs = {{"learning_rate", 0.02}},
                        .validation = &held,
                        .patience = 3};
  auto net = make_net(0), one = make_net(0);
  const History history = fit(net, optim::L2Loss(), data, options);
  EXPECT_TRUE(history.stopped_early);
  EXPECT_EQ(history.epochs.size(), static_cast<size_t>(history.best_epoch + 3));
  EXPECT_NE(history.stop_reason.find("validation loss has not improved for 3 epochs"), std::string::npos);
  options.epochs = history.best_epoch;
  options.patience = 0;
  options.restore_best = false;
  fit(one, optim::L2Loss(), data, options);
  EXPECT_TRUE(same_parameters(net, one));
  EXPECT_THROW(fit(net, optim::L2Loss(), data, {.patience = 1}), ValueError);
}

TEST(Fit, NamesWhatIsNotFinite) {
  Synthetic data(10, 16, 1);
  auto net = make_net(0);
  data.poisoned = 3;
  EXPECT_NE(error_of<ValueError>([&] {
              fit(net, optim::L2Loss(), data, {.batch_size = 160});
            }).find("step 1 (epoch 1, learning rate 0.001) or its gradient is not finite; first seen in the labels"),
            std::string::npos);
  data.poisoned = -1;
  auto broken = make_net(0);
  Array bias = Array::full({1}, std::numeric_limits<double>::quiet_NaN());
  broken(Array::zeros({4, 1, 3}));
  broken.collect_params().back().second.set_data(bias);
  EXPECT_NE(error_of<ValueError>([&] { fit(broken, optim::L2Loss(), data); }).find("first seen in parameter 3.bias"),
            std::string::npos);
}

TEST(Fit, CallbacksSeeStepsAndCanStop) {
  class Watch final : public Callback {
   public:
    void on_step(const StepInfo& step, Control&) override { steps.push_back(step); }
    void on_epoch(const EpochRecord& epoch, Control& control) override {
      if (epoch.epoch == 2) control.stop("seen enough");
    }
    std::vector<StepInfo> steps;
  } watch;
  Callback* callbacks[] = {&watch};
  const Synthetic data(10, 16, 1);
  auto net = make_net(0);
  double seconds = 0;
  FitOptions options = twenty_steps();
  options.clock = [&] { return seconds += 0.5; };
  const History history = fit(net, optim::L2Loss(), data, options, callbacks);
  ASSERT_EQ(watch.steps.size(), 10u);
  EXPECT_EQ(watch.steps[7].step_of_epoch, 3);
  EXPECT_EQ(watch.steps[7].steps_per_epoch, 5);
  EXPECT_EQ(watch.steps[0].samples_per_second, 32 / 0.5);
  EXPECT_GT(watch.steps[0].gradient_norm, 0);
  EXPECT_TRUE(history.stopped_early);
  EXPECT_EQ(history.stop_reason, "seen enough");
}

TEST(Fit, RefusesWrongOptions) {
  const Synthetic data(10, 16, 1), empty(0, 16, 1);
  auto net = make_net();
  const optim::L2Loss loss;
  EXPECT_THROW(fit(net, loss, data, {.epochs = 0}), ValueError);
  EXPECT_THROW(fit(net, loss, data, {.batch_size = 0}), ValueError);
  EXPECT_THROW(fit(net, loss, data, {.batching = "weeks"}), ValueError);
  EXPECT_THROW(fit(net, loss, data, {.optimizer = "Adan"}), ValueError);
  EXPECT_THROW(fit(net, loss, data, {.layout = "NCT"}), ValueError);
  EXPECT_THROW(fit(net, loss, data, {.monitor = "sharpe"}), ValueError);
  EXPECT_THROW(fit(net, loss, data, {.resume = true}), ValueError);
  EXPECT_THROW(fit(net, loss, empty), ValueError);
}

TEST(Fit, LayoutNtcServesDenseNetworks) {
  const Synthetic data(10, 16, 1);
  nn::Sequential net(nn::Dense(8, {.activation = "tanh"}), nn::Dense(1));
  net.initialize(nn::xavier(), 1);
  const History history =
      fit(net, optim::L2Loss(), data,
          {.epochs = 20, .batch_size = 32, .optimizer_kwargs = {{"learning_rate", 0.02}}, .layout = "NTC"});
  EXPECT_LT(history.epochs.back().train_loss, 0.3 * history.epochs.front().train_loss);
}

TEST(Predict, LaterSamplesDoNotChangeEarlierBits) {
  const Synthetic data(10, 16, 1);
  auto net = make_net();
  std::vector<int64_t> ids(150);
  std::iota(ids.begin(), ids.end(), int64_t{0});
  const PredictOptions options = {.batch_size = 64};
  const auto all = predict(net, data, ids, options);
  ASSERT_EQ(all.size(), 150u);
  for (const size_t cut : {1u, 63u, 64u, 65u, 149u}) {
    const auto fewer = predict(net, data, std::span(ids).first(cut), options);
    EXPECT_TRUE(std::equal(fewer.begin(), fewer.end(), all.begin())) << cut;
    EXPECT_EQ(fewer.size(), cut);
  }
  EXPECT_TRUE(predict(net, data, std::span<const int64_t>{}).empty());
}

TEST(BatchPlan, VisitsEverySampleOnceInAnOrderOfItsOwnPerEpoch) {
  const Synthetic data(7, 3, 1);
  const BatchPlan plan(data, "samples", 4, true, Key(1), 1);
  EXPECT_EQ(plan.steps_per_epoch(), 6);
  const auto flat = [](const std::vector<Batch>& batches) {
    std::vector<int64_t> ids;
    for (const Batch& batch : batches) ids.insert(ids.end(), batch.ids.begin(), batch.ids.end());
    return ids;
  };
  auto first = flat(plan.epoch(1)), second = flat(plan.epoch(2));
  EXPECT_EQ(first, flat(plan.epoch(1)));
  EXPECT_NE(first, second);
  std::sort(first.begin(), first.end());
  std::vector<int64_t> expected(21);
  std::iota(expected.begin(), expected.end(), int64_t{0});
  EXPECT_EQ(first, expected);
  EXPECT_EQ(flat(BatchPlan(data, "samples", 4, false, Key(1), 1).epoch(3)), expected);
}

TEST(BatchPlan, KeepsDatesWhole) {
  const Synthetic data(7, 3, 1);
  const BatchPlan plan(data, "dates", 2, true, Key(1), 2);
  const auto batches = plan.epoch(1);
  ASSERT_EQ(batches.size(), 4u);
  EXPECT_EQ(batches[0].group_sizes, (std::vector<int64_t>{3, 3}));
  EXPECT_EQ(batches[3].group_sizes, (std::vector<int64_t>{3}));
  for (const Batch& batch : batches)
    for (size_t i = 0; i < batch.ids.size(); i += 3) {
      EXPECT_EQ(batch.ids[i] % 3, 0);
      EXPECT_EQ(batch.ids[i + 2], batch.ids[i] + 2);
    }
  EXPECT_THROW(BatchPlan(data, "dates", 2, true, Key(1), 4), ValueError);
}

TEST(ProgressBar, ShowsLossAndValidationIc) {
  EXPECT_EQ(progress_line(StepInfo{.epoch = 3,
                                   .epochs = 20,
                                   .step_of_epoch = 5,
                                   .steps_per_epoch = 10,
                                   .mean_loss = 0.5,
                                   .learning_rate = 0.001,
                                   .samples_per_second = 1234}),
            "epoch  3/20 [############............]  50 %  loss 0.5  rate 0.001  1234 samples/s");
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(progress_line(EpochRecord{.epoch = 3,
                                      .train_loss = 0.5,
                                      .validation_loss = 0.6,
                                      .validation_ic = 0.03125,
                                      .validation_rank_ic = 0.5,
                                      .best = true}),
            "epoch  3  loss 0.5  validation loss 0.6  IC 0.0312  rank IC 0.5000  best");
  EXPECT_EQ(
      progress_line(EpochRecord{
          .epoch = 3, .train_loss = 0.5, .validation_loss = nan, .validation_ic = nan, .validation_rank_ic = nan}),
      "epoch  3  loss 0.5");
  std::vector<std::pair<std::string, bool>> lines;
  ProgressBar bar([&](std::string_view line, bool last) { lines.emplace_back(line, last); }, 2);
  Control control;
  for (int64_t s = 1; s <= 5; ++s) bar.on_step({.step_of_epoch = s, .steps_per_epoch = 5}, control);
  bar.on_epoch({}, control);
  ASSERT_EQ(lines.size(), 4u);  // steps 2, 4, 5 and the epoch
  EXPECT_FALSE(lines[0].second);
  EXPECT_TRUE(lines[3].second);
}

}  // namespace
}  // namespace quantick::train
