#pragma once
// The model of a trading thread, which another thread can exchange while it runs: no step waits, none is missed.
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "quantick/runtime/catch_up.h"
#include "quantick/runtime/feature_ring.h"
#include "quantick/runtime/stream.h"

namespace quantick::runtime {

struct ModelSlotOptions {
  StreamOptions stream;
  /// Rows of features kept per instrument, from which a model with other states learns the past; at least the window.
  /// 0: none are kept, and such a model is refused.
  int64_t history = 0;
};

/// A status and the model that made the outputs.
struct Tick {
  Status status;
  uint64_t model = 0;  ///< 1 for the first, 2 for the first that was offered, ...
  bool ok() const { return status.ok(); }
};

/// One thread ticks; any others offer models. What the new model knows of the past: the running one's states where they
/// mean the same to it (Stream::accepts), so that weights alone change; else what the newest `history` rows of features
/// leave, less those before the instrument's last reset or rejected row. The offering thread replays them, the ticking
/// one adds the few that came since; all of them where ticks come faster than the new model replays.
class ModelSlot {
 public:
  /// Throws what Stream throws, and ValueError for a history that is shorter than the window.
  ModelSlot(const Program& program, const ModelSlotOptions& options);
  ~ModelSlot();

  // The ticking thread's; as in Stream. None allocates, locks or calls the system. A model on offer is taken at the
  // start of any of them.
  Tick step(std::span<const float> features, std::span<float> out) noexcept;
  Tick step(int64_t instrument, std::span<const float> features, std::span<float> out) noexcept;
  Tick step(std::span<const int64_t> instruments, std::span<const float> features, std::span<float> out) noexcept;
  Tick absorb(int64_t instrument, std::span<const float> features) noexcept;
  void prepare(int64_t instrument) noexcept;
  void prepare() noexcept;
  void warm_up() noexcept;
  void keep_warm() noexcept;
  void reset(int64_t instrument) noexcept;
  void reset() noexcept;

  // Any other thread's.
  /// Checks the program, packs, warms it up, replays what it must know, and leaves it for the ticking thread, in place
  /// of one that was not taken yet. Frees models that are no longer used. Returns the new model's number. Throws what
  /// Stream throws, and ValueError where input or output differ from the first model's in columns, rules for missing
  /// values or width, or where a history is needed and none is kept; the running model and one on offer then stay.
  uint64_t offer(const Program& program);
  /// The same with a model file, whose checksums and golden vectors are checked on this machine. Throws what load()
  /// throws, too.
  uint64_t offer_file(const std::string& path);
  /// Number of the model that made the last outputs, or makes the next ones.
  uint64_t running() const noexcept { return running_.load(std::memory_order_acquire); }
  /// Frees models that are no longer used; how many there still are, the one on offer included.
  size_t collect();

  int64_t instruments() const { return options_.stream.instruments; }
  int64_t columns() const { return columns_; }
  int64_t output_width() const { return width_; }

 private:
  struct Model;

  Model& current() noexcept;
  void exchange() noexcept;
  bool catch_up(Model& model, int64_t instrument, std::span<float> row) noexcept;
  void follow(Model& model, int64_t instrument, const float* features, bool rejected) noexcept;
  uint64_t offer(const Program& program, std::shared_ptr<const Plan> plan);
  void check_fits(const Program& program) const;
  void replay(Model& model, std::span<float> row) noexcept;
  size_t free_unused();

  ModelSlotOptions options_;
  ProgramInput input_;
  Shape input_channels_;
  bool sequence_ = false, rejects_ = false;
  int64_t columns_ = 0, width_ = 0;
  std::optional<FeatureRing> ring_;

  std::atomic<Model*> offered_{nullptr};
  std::atomic<uint64_t> running_{1};
  Model* current_ = nullptr;  ///< the ticking thread's
  std::vector<float> row_;    ///< the ticking thread's, while it catches up
  std::vector<int64_t> everyone_;

  std::mutex offering_;
  std::vector<std::unique_ptr<Model>> models_;  ///< the offering thread's
  Model* published_ = nullptr;                  ///< the one that was offered last
  Model* active_ = nullptr;                     ///< the one that ran when nothing was on offer
  uint64_t numbers_ = 1;
};

}  // namespace quantick::runtime
