#pragma once
// Features of ticks as a model's input: one row after each event, the instruments each with a state of its own.
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "quantick/core/fields.h"
#include "quantick/features/ticks/tick_feature.h"

namespace quantick::features {

struct TickFeatureOptions {
  int64_t instruments = 1;
  std::string quotes = "file";
  double max_gap = 600;

  static constexpr auto fields() {
    using O = TickFeatureOptions;
    return std::make_tuple(
        field("instruments", &O::instruments, "how many; events bear the numbers below"),
        field("quotes", &O::quotes,
              "file: the quotes of the events; book: the best prices of the book, after each of its changes"),
        field("max_gap", &O::max_gap,
              "seconds without an event of an instrument after which it starts anew, so that no value reaches over a "
              "break of trading; 0: never"));
  }
};

/// What an event did.
struct TickPoint {
  int64_t time = 0;                                       ///< of the event
  int64_t session = 0;                                    ///< how often its instrument started anew ahead of it
  double mid = std::numeric_limits<double>::quiet_NaN();  ///< in force after it
  int32_t instrument = 0;
  bool accepted = false;  ///< false: an instrument out of range, a row of another width, or time that falls
  bool tick = false;      ///< it brought a quote of both sides: an occasion to run the model
  bool complete = false;  ///< every value of the row is there
};

/// The live form: after construction nothing allocates or throws. One thread at a time.
class TickFeatureSet {
 public:
  /// Throws ValueError for no feature and for one named twice, and for options out of range; see make_tick_feature for
  /// the rest.
  explicit TickFeatureSet(std::span<const std::string> specifications, const TickFeatureOptions& options = {});
  ~TickFeatureSet();
  TickFeatureSet(TickFeatureSet&&) noexcept;
  TickFeatureSet& operator=(TickFeatureSet&&) noexcept;

  int64_t size() const { return static_cast<int64_t>(names_.size()); }
  /// Specifications in canonical form, in the order of the row.
  std::span<const std::string> names() const { return names_; }
  int64_t instruments() const { return options_.instruments; }

  /// Takes the next event and writes its instrument's row [size()], NaN where a value is not available. Events of an
  /// instrument must come in the order of time().
  TickPoint update(const market::TickEvent& event, std::span<float> row) noexcept;

  /// Forgets all events of an instrument, its book too, or of all; a new session begins. An index outside the range
  /// changes nothing.
  void reset(int64_t instrument) noexcept;
  void reset() noexcept;

  /// What is known of an instrument, 0 <= instrument < instruments().
  const TickState& state(int64_t instrument) const;
  /// Null where neither a feature nor the quotes ask for books.
  const market::Book* book(int64_t instrument) const { return state(instrument).book; }

 private:
  struct Instrument;
  void start_anew(Instrument& instrument) noexcept;

  TickFeatureOptions options_;
  int64_t max_gap_ = 0;  // ns
  bool quotes_of_book_ = false;
  std::vector<std::string> names_;
  std::vector<Instrument> instruments_;
};

/// Rows for every event of a tape.
struct TickMatrix {
  std::vector<std::string> names;
  std::vector<float> values;      ///< [events, features]
  std::vector<TickPoint> points;  ///< [events]
};

/// The batch form, with the bits of the live one: instruments are independent and run in parallel.
TickMatrix compute_tick_features(std::span<const std::string> specifications, const TickFeatureOptions& options,
                                 std::span<const market::TickEvent> events);

}  // namespace quantick::features
