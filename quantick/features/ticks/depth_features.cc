// depth_imbalance(levels), book_slope(levels): the best levels of the book.
#include "quantick/features/ticks/tick_registry.h"

namespace quantick::features {
namespace {

using market::Side;

struct LevelParameters {
  int64_t levels = 5;
  static constexpr auto fields() {
    return std::make_tuple(field("levels", &LevelParameters::levels, "best levels of each side"));
  }
};

/// A function of the best `levels` levels of both sides, which are there.
class DepthFeature : public TickFeature {
 public:
  DepthFeature(const LevelParameters& p, const std::string& name) : TickFeature(name), levels_(p.levels) {
    check_range(name, "levels", p.levels, 1, 1000);
  }
  bool needs_book() const override { return true; }

  double update(const TickState& state) noexcept override {
    const market::Book& book = *state.book;
    const bool there = book.status() == market::BookStatus::ready && book.depth(Side::buy) >= levels_ &&
                       book.depth(Side::sell) >= levels_;
    return there ? value(book) : kNoValue;
  }

 protected:
  double size(const market::Book& book, Side side) const noexcept {
    double sum = 0;
    for (int64_t i = 0; i < levels_; ++i) sum += book.level(side, i).size;
    return sum;
  }
  /// Price of the last of the levels.
  double far_price(const market::Book& book, Side side) const noexcept {
    return book.price(book.level(side, levels_ - 1).price);
  }

 private:
  virtual double value(const market::Book& book) const noexcept = 0;

  int64_t levels_;
};

class DepthImbalance final : public DepthFeature {
 public:
  using DepthFeature::DepthFeature;

 private:
  double value(const market::Book& book) const noexcept override {
    const double bids = size(book, Side::buy), asks = size(book, Side::sell);
    return (bids - asks) / (bids + asks);
  }
};

class BookSlope final : public DepthFeature {
 public:
  using DepthFeature::DepthFeature;

 private:
  double value(const market::Book& book) const noexcept override {
    const double mid = book.quote().mid();
    return 0.5 * (size(book, Side::buy) / (mid - far_price(book, Side::buy)) +
                  size(book, Side::sell) / (far_price(book, Side::sell) - mid));
  }
};

}  // namespace

TickFeatureRow depth_imbalance_feature() {
  return tick_feature_row<LevelParameters, DepthImbalance>(
      "depth_imbalance", "(bid sizes - ask sizes) / (bid sizes + ask sizes) over the best `levels` levels, -1..1",
      "depth_imbalance(5)");
}
TickFeatureRow book_slope_feature() {
  return tick_feature_row<LevelParameters, BookSlope>(
      "book_slope",
      "size of the best `levels` levels over the distance of the last of them from the mid, mean of both sides, in "
      "size per unit of price",
      "book_slope(5)");
}

}  // namespace quantick::features
