#include "quantick/runtime/model_slot.h"

#include <algorithm>
#include <numeric>

#include "quantick/core/error.h"
#include "quantick/runtime/boundary.h"
#include "quantick/runtime/model_file.h"

namespace quantick::runtime {
namespace {

// Rounds over all instruments before a model is offered: each is left fewer new rows by the one before.
constexpr int kRounds = 4;

}  // namespace

struct ModelSlot::Model {
  Model(std::shared_ptr<const Plan> plan, const StreamOptions& options) : stream(std::move(plan), options) {}
  Stream stream;
  uint64_t number = 1;
  std::shared_ptr<std::vector<KnownRows>> known;  ///< by instrument; goes with the states
  std::atomic<bool> unused{false};                ///< the ticking thread's last word
};

ModelSlot::ModelSlot(const Program& program, const ModelSlotOptions& options) : options_(options) {
  QTK_CHECK(options.history == 0 || options.history >= options.stream.window, ValueError,
            "[model slot] history, was {} rows, expected 0 or at least the window, {}", options.history,
            options.stream.window);
  auto model = std::make_unique<Model>(std::make_shared<const Plan>(program), options.stream);
  columns_ = model->stream.columns(), width_ = model->stream.output_width();
  input_ = program.inputs[0];
  input_channels_ = program.input().channels;
  sequence_ = program.input().sequence;
  rejects_ = input_.missing == MissingPolicy::reject;
  row_.resize(static_cast<size_t>(columns_));
  everyone_.resize(static_cast<size_t>(options.stream.instruments));
  std::iota(everyone_.begin(), everyone_.end(), int64_t{0});
  if (options.history > 0) {
    ring_.emplace(options.stream.instruments, columns_, options.history);
    model->known = std::make_shared<std::vector<KnownRows>>(everyone_.size(), KnownRows{0, 0});
  }
  current_ = active_ = published_ = model.get();
  models_.push_back(std::move(model));
}

ModelSlot::~ModelSlot() = default;

ModelSlot::Model& ModelSlot::current() noexcept {
  if (offered_.load(std::memory_order_relaxed) != nullptr) exchange();
  return *current_;
}

void ModelSlot::exchange() noexcept {
  Model* const next = offered_.exchange(nullptr, std::memory_order_acquire);
  if (next == nullptr) return;  // taken back
  Model* const last = std::exchange(current_, next);
  running_.store(next->number, std::memory_order_release);
  last->unused.store(true, std::memory_order_release);
}

bool ModelSlot::catch_up(Model& model, int64_t instrument, std::span<float> row) noexcept {
  return runtime::catch_up(*ring_, instrument, model.stream, (*model.known)[static_cast<size_t>(instrument)], row);
}

/// After a step of one instrument.
inline void ModelSlot::follow(Model& model, int64_t instrument, const float* features, bool rejected) noexcept {
  if (rejected)
    ring_->restart(instrument);
  else
    ring_->push(instrument, features);
  (*model.known)[static_cast<size_t>(instrument)] = {ring_->start(instrument), ring_->count(instrument)};
}

Tick ModelSlot::step(int64_t instrument, std::span<const float> features, std::span<float> out) noexcept {
  Model& model = current();
  const bool kept = ring_ && instrument >= 0 && instrument < instruments();
  if (kept) catch_up(model, instrument, row_);
  const Status status = model.stream.step(instrument, features, out);
  if (kept && status.code != Status::Code::wrong_size)
    follow(model, instrument, features.data(), status.code == Status::Code::not_finite);
  return {status, model.number};
}

Tick ModelSlot::step(std::span<const int64_t> instruments, std::span<const float> features,
                     std::span<float> out) noexcept {
  Model& model = current();
  if (ring_)
    for (const int64_t i : instruments)
      if (i >= 0 && i < options_.stream.instruments) catch_up(model, i, row_);
  const Status status = model.stream.step(instruments, features, out);
  if (ring_ && status.code != Status::Code::wrong_size && status.code != Status::Code::wrong_instrument) {
    const float* row = features.data();
    for (const int64_t i : instruments) {
      follow(model, i, row, status.code == Status::Code::not_finite && first_not_finite(row, columns_) >= 0);
      row += columns_;
    }
  }
  return {status, model.number};
}

Tick ModelSlot::step(std::span<const float> features, std::span<float> out) noexcept {
  return step(everyone_, features, out);
}

Tick ModelSlot::absorb(int64_t instrument, std::span<const float> features) noexcept {
  Model& model = current();
  const bool kept = ring_ && instrument >= 0 && instrument < instruments();
  if (kept) catch_up(model, instrument, row_);
  const Status status = model.stream.absorb(instrument, features);
  if (kept && status.code != Status::Code::wrong_size)
    for (size_t at = 0; at < features.size(); at += static_cast<size_t>(columns_)) {
      const float* row = features.data() + at;
      follow(model, instrument, row, rejects_ && first_not_finite(row, columns_) >= 0);
    }
  return {status, model.number};
}

void ModelSlot::prepare(int64_t instrument) noexcept {
  Model& model = current();
  if (instrument < 0 || instrument >= instruments()) return;
  if (ring_) catch_up(model, instrument, row_);
  model.stream.prepare(instrument);
}

void ModelSlot::prepare() noexcept {
  Model& model = current();
  if (ring_)
    for (const int64_t i : everyone_) catch_up(model, i, row_);
  model.stream.prepare();
}

void ModelSlot::warm_up() noexcept { current().stream.warm_up(); }

void ModelSlot::keep_warm() noexcept { current().stream.keep_warm(); }

void ModelSlot::reset(int64_t instrument) noexcept {
  if (instrument < 0 || instrument >= instruments()) return;
  Model& model = current();
  model.stream.reset(instrument);
  if (ring_) follow(model, instrument, nullptr, true);
}

void ModelSlot::reset() noexcept {
  for (const int64_t i : everyone_) reset(i);
}

void ModelSlot::check_fits(const Program& program) const {
  program.check();
  const ProgramInput& input = program.inputs[0];
  QTK_CHECK(program.input().channels == input_channels_ && program.input().sequence == sequence_, ValueError,
            "[model slot] input of the new model, was {}{}, expected {}{} as the first model's",
            program.input().channels.text(), program.input().sequence ? " per step" : "", input_channels_.text(),
            sequence_ ? " per step" : "");
  for (size_t i = 0; i < std::max(input.columns.size(), input_.columns.size()); ++i) {
    const auto name = [&](const ProgramInput& from) {
      return i < from.columns.size() ? "\"" + from.columns[i] + "\"" : std::string("without a name");
    };
    QTK_CHECK(name(input) == name(input_), ValueError,
              "[model slot] column {} of the new model, was {}, expected {} as the first model's", i, name(input),
              name(input_));
  }
  QTK_CHECK(input.missing == input_.missing, ValueError,
            "[model slot] missing values of the new model, were \"{}\", expected \"{}\" as the first model's",
            missing_policy_name(input.missing), missing_policy_name(input_.missing));
  QTK_CHECK(program.output().channels.size() == width_, ValueError,
            "[model slot] output of the new model, was {} values, expected {} as the first model's",
            program.output().channels.size(), width_);
}

uint64_t ModelSlot::offer(const Program& program) { return offer(program, std::make_shared<const Plan>(program)); }

uint64_t ModelSlot::offer_file(const std::string& path) {
  LoadedProgram loaded = load_with_plan(path);
  return offer(loaded.program, std::move(loaded.plan));
}

uint64_t ModelSlot::offer(const Program& program, std::shared_ptr<const Plan> plan) {
  const std::lock_guard lock(offering_);
  check_fits(program);
  auto made = std::make_unique<Model>(std::move(plan), options_.stream);
  Model& model = *made;
  // Without a history all models accept each other's states, so it does not matter which of them runs.
  QTK_CHECK(ring_ || published_->stream.accepts(model.stream.plan()), ValueError,
            "[model slot] states of the new model mean something else than the running one's, expected the same "
            "layers with state, or a slot with a history of features");
  model.stream.warm_up();
  const auto anew = std::make_shared<std::vector<KnownRows>>(everyone_.size());
  std::vector<float> row(static_cast<size_t>(columns_));
  models_.push_back(std::move(made));
  // From here on it is known which model runs, and it stays: nothing is on offer.
  if (Model* const untaken = offered_.exchange(nullptr, std::memory_order_acquire); untaken != nullptr)
    untaken->unused.store(true, std::memory_order_relaxed);
  else
    active_ = published_;
  free_unused();
  if (active_->stream.accepts(model.stream.plan())) {
    model.stream.take_over(active_->stream);
    model.known = active_->known;
  } else {
    model.known = anew;
    replay(model, row);
  }
  model.number = ++numbers_;
  published_ = &model;
  offered_.store(&model, std::memory_order_release);
  return model.number;
}

void ModelSlot::replay(Model& model, std::span<float> row) noexcept {
  for (int round = 0; round < kRounds; ++round) {
    bool behind = false;
    for (const int64_t i : everyone_) behind |= catch_up(model, i, row);
    if (!behind) return;
  }
}

size_t ModelSlot::free_unused() {
  std::erase_if(models_, [](const auto& model) { return model->unused.load(std::memory_order_acquire); });
  return models_.size();
}

size_t ModelSlot::collect() {
  const std::lock_guard lock(offering_);
  return free_unused();
}

}  // namespace quantick::runtime
