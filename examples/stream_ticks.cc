// A model on live ticks: instruments that tick at different times, the work before a tick, rolling windows, and a new
// model while the old one trades. docs/live.md explains it. Run: build/release/stream_ticks
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <thread>

#include "quantick/core/rng.h"
#include "quantick/nn/nn.h"
#include "quantick/quant/quantizer.h"
#include "quantick/runtime/model_slot.h"
#include "quantick/runtime/session.h"
#include "quantick/runtime/stream.h"

using namespace quantick;
using namespace quantick::runtime;

namespace {

constexpr int64_t kInstruments = 3, kFeatures = 12, kSteps = 200;

/// Two LSTM layers and a score per step.
class Net final : public nn::Block {
 public:
  std::string kind() const override { return "net"; }
  Arrays forward(const Arrays& in) override { return {score_(lstm_(in[0]))}; }

 private:
  nn::LSTM& lstm_ = add_child("lstm", nn::LSTM(32, {.num_layers = 2}));
  nn::Dense& score_ = add_child("score", nn::Dense(1, {.flatten = false}));
};

Array random_features(const Key& key) {
  std::vector<float> values(static_cast<size_t>(kSteps * kInstruments * kFeatures));
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(key.normal(i));
  return Array::from(values, {kSteps, kInstruments, kFeatures});
}

Program trained(uint64_t seed, const Array& calibration) {
  Net net;
  net.initialize(nn::xavier(), seed);
  return quant::Quantizer{.model = net}.quantize(calibration).program;
}

/// The features of one instrument at one step.
std::span<const float> row(const Array& x, int64_t step, int64_t instrument) {
  return {x.data<float>() + (step * kInstruments + instrument) * kFeatures, kFeatures};
}

bool same(float a, float b) { return std::memcmp(&a, &b, sizeof(float)) == 0; }

}  // namespace

int main() {
  const Array x = random_features(Key(1)), calibration = random_features(Key(2));
  const Program program = trained(7, calibration);
  const Array batch = Session(program).run(x);  // [steps, instruments, 1]: what a backtest sees

  // Instruments tick when they like: 0 and 2 together, 1 alone. What does not depend on the tick is done before it.
  Stream stream(program, {.instruments = kInstruments});
  stream.warm_up();
  const int64_t pair[] = {2, 0};
  float features[2 * kFeatures], pair_scores[2], score[1];
  int64_t wrong = 0;
  std::puts("first tick");
  std::fflush(stdout);
  for (int64_t t = 0; t < kSteps; ++t) {
    for (int64_t k = 0; k < 2; ++k)
      std::memcpy(features + k * kFeatures, row(x, t, pair[k]).data(), sizeof(features) / 2);
    wrong += !stream.step(pair, features, pair_scores).ok();
    wrong += !stream.step(1, row(x, t, 1), score).ok();
    const float* expected = batch.data<float>() + t * kInstruments;
    wrong += !same(pair_scores[0], expected[2]) + !same(pair_scores[1], expected[0]) + !same(score[0], expected[1]);
    stream.prepare();    // recurrent products and the like, for the ticks to come
    stream.keep_warm();  // when there is nothing else to do
  }
  std::puts("last tick");
  std::fflush(stdout);
  std::printf("ticks: %lld outputs differ from the batch\n", static_cast<long long>(wrong));

  // A window that rolls: the first outputs come once it is full.
  constexpr int64_t kWindow = 20;
  Stream rolling(program, {.instruments = 1, .window = kWindow});
  int64_t warming = 0;
  for (int64_t t = 0; t < kSteps; ++t)
    warming += rolling.step(row(x, t, 0), score).code == Status::Code::warming_up && std::isnan(score[0]);
  Array last = Array::empty({kWindow, 1, kFeatures});
  for (int64_t t = 0; t < kWindow; ++t)
    std::memcpy(last.mutable_data<float>() + t * kFeatures, row(x, kSteps - kWindow + t, 0).data(),
                kFeatures * sizeof(float));
  const bool rolled = same(score[0], Session(program).run(last).data<float>()[kWindow - 1]);
  std::printf("rolling window: %lld steps without output, then %s a session on that window\n",
              static_cast<long long>(warming), rolled ? "equal to" : "other than");

  // A model trained since is checked, packed, warmed up and exchanged while this thread ticks; its states are rebuilt
  // from the features that the slot keeps where they are not those of the old one.
  ModelSlot slot(program, {.stream = {.instruments = kInstruments}, .history = kSteps});
  std::atomic<int64_t> ticked{0};
  std::thread trainer([&] {
    const Program next = trained(8, calibration);
    while (ticked < 10) std::this_thread::yield();
    slot.offer(next);
  });
  uint64_t model = 1;
  int64_t ticks = 0;
  for (; model == 1; ++ticks) {
    const Tick tick = slot.step(0, row(x, ticks % kSteps, 0), score);
    if (!tick.ok()) ++wrong;
    model = tick.model;
    ticked = ticks + 1;
  }
  trainer.join();
  std::printf("hot swap: model %llu made the newest output\n", static_cast<unsigned long long>(model));
  return wrong == 0 && rolled && warming == kWindow - 1 && slot.collect() == 1 ? 0 : 1;
}
