#pragma once
// From scores to target positions. One object serves the backtest and live trading: it sees one date at a time, in
// order, and what the account holds.
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "quantick/market/date.h"

namespace quantick::strategy {

/// What is known after the close of a date. Spans have one entry per instrument.
struct Observation {
  market::Date date;
  std::span<const double> scores;     // NaN: none
  std::span<const uint8_t> tradable;  // 1: has a price today
  std::span<const double> holdings;   // weights held, pending orders counted as filled; 0: not held
  /// Every instrument as Ranking orders these scores, where the caller has sorted them already; empty: the strategy
  /// sorts.
  std::span<const int64_t> order = {};
};

/// What to hold. Where keep is 1 the instrument is left as it stands, drift included, and no order is sent.
struct Target {
  std::vector<double> weights;  // fractions of equity; shorts are negative; where kept, what is held now
  std::vector<uint8_t> keep;
};

/// Equal scores make a choice that the scores did not make. Ties are broken by name, and counted here.
struct TieCount {
  int64_t decisions = 0;       // dates on which names were ranked
  int64_t ranked = 0;          // names ranked on them
  int64_t tied = 0;            // of these, names whose score another one has too
  int64_t boundary_dates = 0;  // dates on which a tie across the cut decided who is held

  TieCount& operator+=(const TieCount& other);
};

class Strategy {
 public:
  virtual ~Strategy() = default;
  /// Called once per date, dates ascending. Throws ShapeError or ValueError on spans or dates that do not fit.
  virtual Target on_scores(const Observation& seen) = 0;
  virtual const TieCount& ties() const = 0;
  /// Dates on which fewer names were available than asked for.
  virtual int64_t shortfalls() const = 0;
};

/// Orders instruments by score, best first; equal scores by name, and NaN last (by name).
class Ranking {
 public:
  explicit Ranking(const std::vector<std::string>& instruments);
  int64_t size() const { return static_cast<int64_t>(by_name_.size()); }
  /// Positions in `members` in order of their scores.
  std::vector<int64_t> best_first(std::span<const double> scores, std::vector<int64_t> members) const;
  /// The same by what was seen; its order, where it has one, saves the sorting.
  std::vector<int64_t> best_first(const Observation& seen, std::vector<int64_t> members) const;

 private:
  std::vector<int64_t> by_name_;  // place of each instrument in the order of names
};

/// Instruments that have a score and can be traded.
std::vector<int64_t> available(const Observation& seen);

/// Checks the spans' lengths and that the date follows `previous`.
void check_observation(const Observation& seen, int64_t instruments, const market::Date* previous);

/// Adds one ranking to `ties`. `order` is best first; `cuts` are the places k where ranks k - 1 and k fare differently.
void count_ties(std::span<const double> scores, std::span<const int64_t> order, std::initializer_list<int64_t> cuts,
                TieCount& ties);

/// A count, or a share of `names` where it is inside (0, 1) (rounded down, at least 1).
int64_t count_or_share(double k, int64_t names);
/// Throws ValueError unless `k` is a whole number >= 1 or a share inside (0, 1).
void check_count_or_share(std::string_view strategy, std::string_view name, double k);

}  // namespace quantick::strategy
