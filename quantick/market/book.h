#pragma once
// An order book by price, built from a snapshot and the changes behind it. The numbers of the changes are checked:
// where one is missing the book is broken until the next snapshot, and says so.
//
// Recorders ask for the snapshot while changes already flow, so it is older than changes that came before it. Changes
// that come while there is no book are therefore kept, and those behind the snapshot's number are applied to it.
#include <cstdint>
#include <string_view>
#include <vector>

#include "quantick/market/tick.h"

namespace quantick::market {

enum class BookStatus {
  waiting,   ///< no snapshot yet
  ready,     ///< every change since the snapshot is in it
  crossed,   ///< as ready, but the best bid is not below the best ask; a later change may mend it
  broken,    ///< a change is missing, senseless or of another price step; waits for the next snapshot
  overflow,  ///< more levels than it has room for; waits for the next snapshot
};

std::string_view status_name(BookStatus status);

struct BookOptions {
  int64_t levels = 16384;          ///< room per side
  int64_t pending_changes = 4096;  ///< changes kept while there is no book; where more come, only the newest
  int64_t pending_levels = 65536;  ///< levels in them
};

/// After construction nothing allocates or throws. Not thread-safe.
class Book {
 public:
  /// Throws ValueError for options out of range.
  explicit Book(const BookOptions& options = {});

  /// Takes a snapshot or a change; cost grows with the levels in it. Changes that the book already holds are passed
  /// over, and so is a snapshot that is older than the book.
  BookStatus update(const DepthUpdate& update) noexcept;
  /// As after construction.
  void reset() noexcept;

  BookStatus status() const noexcept { return status_; }
  /// Number of the last change in the book.
  int64_t update_id() const noexcept { return last_id_; }
  /// Times that the book was ready and then broke or overflowed.
  int64_t breaks() const noexcept { return breaks_; }

  /// Levels of a side, 0 unless the book is ready or crossed.
  int64_t depth(Side side) const noexcept;
  /// Level number `i`, 0 being the best; i < depth(side).
  BookLevel level(Side side, int64_t i) const noexcept { return half(side).level(i); }
  /// A price in steps of the last snapshot.
  double price(int64_t steps) const noexcept { return step_.price(steps); }
  /// Best prices and sizes. Empty sides where there is no book, and where it is crossed.
  Quote quote() const noexcept;

 private:
  /// Levels in the order of price, the best at the back, where most changes are.
  class Half {
   public:
    Half(int64_t capacity, int64_t sign) : levels_(static_cast<size_t>(capacity)), sign_(sign) {}
    int64_t size() const noexcept { return size_; }
    BookLevel level(int64_t i) const noexcept;
    void clear() noexcept { size_ = 0; }
    /// False where there is no room.
    bool set(BookLevel level) noexcept;

   private:
    std::vector<BookLevel> levels_;  // price * sign ascends
    int64_t size_ = 0;
    int64_t sign_;
  };

  /// A change that waits for a snapshot; its levels stand in pending_levels_, bids before asks.
  struct Pending {
    int64_t previous_id, last_id;
    PriceStep step;
    int64_t begin, bids, asks;
  };

  const Half& half(Side side) const noexcept { return side == Side::buy ? bids_ : asks_; }
  bool has_book() const noexcept { return status_ == BookStatus::ready || status_ == BookStatus::crossed; }
  void fall(BookStatus status) noexcept;
  void keep(const DepthUpdate& update) noexcept;
  void take_snapshot(const DepthUpdate& update) noexcept;
  void take_change(int64_t previous_id, int64_t last_id, PriceStep step, std::span<const BookLevel> bids,
                   std::span<const BookLevel> asks) noexcept;
  void fill(std::span<const BookLevel> bids, std::span<const BookLevel> asks) noexcept;
  /// False where the book fell.
  bool set_all(Half& side, std::span<const BookLevel> levels) noexcept;

  PriceStep step_{0.01};
  BookStatus status_ = BookStatus::waiting;
  bool fresh_ = false;  // nothing but a snapshot is in the book
  int64_t last_id_ = 0;
  int64_t breaks_ = 0;
  Half bids_, asks_;
  std::vector<Pending> pending_;
  std::vector<BookLevel> pending_levels_;
  int64_t pending_count_ = 0, pending_levels_used_ = 0;
};

}  // namespace quantick::market
