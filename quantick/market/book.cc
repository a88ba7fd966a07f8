#include "quantick/market/book.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "quantick/core/error.h"

namespace quantick::market {
namespace {

constexpr int64_t kMostRoom = int64_t{1} << 24;

/// `value`, or the error that it is out of range.
int64_t room(std::string_view name, int64_t value) {
  QTK_CHECK(value >= 1 && value <= kMostRoom, ValueError, "[book] {}, was {}, expected 1..{}", name, value, kMostRoom);
  return value;
}

}  // namespace

std::string_view status_name(BookStatus status) {
  constexpr std::array<std::string_view, 5> kNames{"waiting", "ready", "crossed", "broken", "overflow"};
  return kNames[static_cast<size_t>(status)];
}

BookLevel Book::Half::level(int64_t i) const noexcept { return levels_[static_cast<size_t>(size_ - 1 - i)]; }

bool Book::Half::set(BookLevel level) noexcept {
  // A binary search that the compiler makes without branches: which way it goes cannot be foretold.
  BookLevel* const end = levels_.data() + size_;
  BookLevel* place = levels_.data();
  const int64_t key = level.price * sign_;
  for (int64_t rest = size_; rest > 0;) {
    const int64_t half = (rest + 1) / 2;
    place += place[half - 1].price * sign_ < key ? half : 0;
    rest -= half;
  }
  const bool there = place != end && place->price == level.price;
  if (level.size == 0) {
    if (!there) return true;  // below the snapshot's depth, levels are known only once they change
    std::copy(place + 1, end, place);
    --size_;
  } else if (there) {
    place->size = level.size;
  } else {
    if (size_ == static_cast<int64_t>(levels_.size())) return false;
    std::copy_backward(place, end, end + 1);
    *place = level;
    ++size_;
  }
  return true;
}

Book::Book(const BookOptions& options)
    : bids_(room("levels", options.levels), 1),
      asks_(options.levels, -1),
      pending_(static_cast<size_t>(room("pending_changes", options.pending_changes)), Pending{0, 0, step_, 0, 0, 0}),
      pending_levels_(static_cast<size_t>(room("pending_levels", options.pending_levels))) {}

void Book::reset() noexcept {
  status_ = BookStatus::waiting;
  last_id_ = breaks_ = pending_count_ = pending_levels_used_ = 0;
  bids_.clear();
  asks_.clear();
}

int64_t Book::depth(Side side) const noexcept { return has_book() ? half(side).size() : 0; }

Quote Book::quote() const noexcept {
  Quote quote;
  if (status_ != BookStatus::ready) return quote;
  if (bids_.size() > 0) {
    const BookLevel best = bids_.level(0);
    quote.bid = step_.price(best.price);
    quote.bid_size = best.size;
  }
  if (asks_.size() > 0) {
    const BookLevel best = asks_.level(0);
    quote.ask = step_.price(best.price);
    quote.ask_size = best.size;
  }
  return quote;
}

BookStatus Book::update(const DepthUpdate& update) noexcept {
  if (update.snapshot) {
    if (!has_book() || update.last_id > last_id_) take_snapshot(update);
  } else if (has_book()) {
    take_change(update.previous_id, update.last_id, update.step, update.bids, update.asks);
    if (!has_book()) keep(update);
  } else {
    keep(update);
  }
  return status_;
}

void Book::fall(BookStatus status) noexcept {
  status_ = status;
  ++breaks_;
}

void Book::keep(const DepthUpdate& update) noexcept {
  const auto bids = static_cast<int64_t>(update.bids.size()), asks = static_cast<int64_t>(update.asks.size());
  const auto capacity = static_cast<int64_t>(pending_levels_.size());
  const bool full = pending_count_ == static_cast<int64_t>(pending_.size());
  if (full || pending_levels_used_ + bids + asks > capacity) pending_count_ = pending_levels_used_ = 0;
  if (bids + asks > capacity) return;
  pending_[static_cast<size_t>(pending_count_++)] = {update.previous_id,   update.last_id, update.step,
                                                     pending_levels_used_, bids,           asks};
  BookLevel* const place = pending_levels_.data() + pending_levels_used_;
  std::copy(update.asks.begin(), update.asks.end(), std::copy(update.bids.begin(), update.bids.end(), place));
  pending_levels_used_ += bids + asks;
}

void Book::take_snapshot(const DepthUpdate& update) noexcept {
  bids_.clear();
  asks_.clear();
  last_id_ = update.last_id;
  step_ = update.step;
  fresh_ = true;
  fill(update.bids, update.asks);
  for (int64_t i = 0; i < pending_count_ && has_book(); ++i) {
    const Pending& change = pending_[static_cast<size_t>(i)];
    const std::span<const BookLevel> levels(pending_levels_.data() + change.begin,
                                            static_cast<size_t>(change.bids + change.asks));
    take_change(change.previous_id, change.last_id, change.step, levels.first(static_cast<size_t>(change.bids)),
                levels.subspan(static_cast<size_t>(change.bids)));
  }
  // Where the snapshot was too old for them, a newer one may still meet them.
  if (has_book()) pending_count_ = pending_levels_used_ = 0;
}

void Book::take_change(int64_t previous_id, int64_t last_id, PriceStep step, std::span<const BookLevel> bids,
                       std::span<const BookLevel> asks) noexcept {
  if (last_id <= last_id_) return;
  // The first change may begin before the snapshot, as long as it reaches over it.
  const bool follows = fresh_ ? previous_id <= last_id_ : previous_id == last_id_;
  if (!follows || step != step_) return fall(BookStatus::broken);
  fresh_ = false;
  last_id_ = last_id;
  fill(bids, asks);
}

void Book::fill(std::span<const BookLevel> bids, std::span<const BookLevel> asks) noexcept {
  status_ = BookStatus::ready;
  if (!set_all(bids_, bids) || !set_all(asks_, asks)) return;
  if (bids_.size() > 0 && asks_.size() > 0 && bids_.level(0).price >= asks_.level(0).price) {
    status_ = BookStatus::crossed;
  }
}

bool Book::set_all(Half& side, std::span<const BookLevel> levels) noexcept {
  for (const BookLevel& level : levels) {
    if (!(level.size >= 0) || std::isinf(level.size)) {
      fall(BookStatus::broken);
      return false;
    }
    if (!side.set(level)) {
      fall(BookStatus::overflow);
      return false;
    }
  }
  return true;
}

}  // namespace quantick::market
