#include "quantick/features/ticks/tick_feature_set.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "quantick/core/error.h"
#include "quantick/core/thread_pool.h"
#include "quantick/features/ticks/tick_registry.h"

namespace quantick::features {

using market::TickEvent;

struct TickFeatureSet::Instrument {
  TickState state;
  std::vector<std::unique_ptr<TickFeature>> features;
  std::unique_ptr<market::Book> book;
  bool any = false;  // an event came
  int64_t session = 0;
  double last_price = kNoValue;  // of the last trade
  double last_move = 0;          // sign of the last change of that price

  void take_trade(const TickEvent& event) noexcept;
  void take_quote(const market::Quote& quote) noexcept;
};

void TickFeatureSet::Instrument::take_trade(const TickEvent& event) noexcept {
  const double price = event.trade.price;
  if (price > last_price) last_move = 1;
  if (price < last_price) last_move = -1;
  last_price = price;
  double sign = static_cast<double>(event.trade.aggressor);
  // Lee and Ready (1991): by the quote ahead of the trade, at its mid by the last change of price.
  if (sign == 0 && state.quoted) sign = price > state.mid ? 1 : price < state.mid ? -1 : last_move;
  state.traded = true;
  state.signed_size = sign * event.trade.size;
}

void TickFeatureSet::Instrument::take_quote(const market::Quote& quote) noexcept {
  state.tick = quote.two_sided();
  state.followed = state.tick && state.quoted;
  state.quoted = state.tick;
  state.quote_before = state.quote;
  state.mid_before = state.mid;
  state.quote = quote;
  state.mid = quote.mid();
}

TickFeatureSet::TickFeatureSet(std::span<const std::string> specifications, const TickFeatureOptions& options)
    : options_(options) {
  constexpr int64_t kMostInstruments = 1'000'000;
  QTK_CHECK(!specifications.empty(), ValueError, "[features] the list of features is empty, expected at least one");
  QTK_CHECK(options.instruments >= 1 && options.instruments <= kMostInstruments, ValueError,
            "[features] instruments, was {}, expected 1..{}", options.instruments, kMostInstruments);
  QTK_CHECK(options.quotes == "file" || options.quotes == "book", ValueError,
            "[features] quotes, was \"{}\", expected file or book", options.quotes);
  QTK_CHECK(options.max_gap >= 0 && options.max_gap <= 1e9, ValueError,
            "[features] max_gap, was {}, expected 0..1e9 seconds", options.max_gap);
  max_gap_ = std::llround(options.max_gap * 1e9);
  quotes_of_book_ = options.quotes == "book";
  bool needs_book = quotes_of_book_;
  instruments_.resize(static_cast<size_t>(options.instruments));
  for (Instrument& instrument : instruments_) {
    for (const auto& text : specifications) {
      instrument.features.push_back(make_tick_feature(text));
      needs_book = needs_book || instrument.features.back()->needs_book();
    }
    if (!needs_book) continue;
    instrument.book = std::make_unique<market::Book>();
    instrument.state.book = instrument.book.get();
  }
  for (const auto& feature : instruments_[0].features) {
    QTK_CHECK(std::find(names_.begin(), names_.end(), feature->name()) == names_.end(), ValueError,
              "[features] {} is in the list twice, expected once", feature->name());
    names_.push_back(feature->name());
  }
}

TickFeatureSet::~TickFeatureSet() = default;
TickFeatureSet::TickFeatureSet(TickFeatureSet&&) noexcept = default;
TickFeatureSet& TickFeatureSet::operator=(TickFeatureSet&&) noexcept = default;

TickPoint TickFeatureSet::update(const TickEvent& event, std::span<float> row) noexcept {
  TickPoint point{.time = event.time(), .instrument = event.instrument};
  if (event.instrument < 0 || event.instrument >= options_.instruments || row.size() != names_.size()) return point;
  Instrument& instrument = instruments_[static_cast<size_t>(event.instrument)];
  TickState& state = instrument.state;
  point.session = instrument.session;
  if (instrument.any && point.time < state.time) return point;
  if (instrument.any && max_gap_ > 0 && point.time - state.time > max_gap_) {
    start_anew(instrument);
    point.session = ++instrument.session;
  }
  instrument.any = true;
  state.time = point.time;
  state.tick = state.traded = false;
  state.signed_size = 0;
  if (event.has_trade) instrument.take_trade(event);
  if (event.depth != nullptr && instrument.book != nullptr) {
    instrument.book->update(*event.depth);
    if (quotes_of_book_) instrument.take_quote(instrument.book->quote());
  }
  if (event.has_quote && !quotes_of_book_) instrument.take_quote(event.quote);

  point.accepted = true;
  point.tick = state.tick;
  if (state.quoted) point.mid = state.mid;
  point.complete = true;
  for (size_t f = 0; f < row.size(); ++f) {
    const auto value = static_cast<float>(instrument.features[f]->update(state));
    row[f] = std::isfinite(value) ? value : std::numeric_limits<float>::quiet_NaN();
    point.complete = point.complete && std::isfinite(value);
  }
  return point;
}

void TickFeatureSet::start_anew(Instrument& instrument) noexcept {
  instrument.state = {.book = instrument.book.get()};
  instrument.last_price = kNoValue;
  instrument.last_move = 0;
  for (const auto& feature : instrument.features) feature->reset();
}

void TickFeatureSet::reset(int64_t instrument) noexcept {
  if (instrument < 0 || instrument >= options_.instruments) return;
  Instrument& chosen = instruments_[static_cast<size_t>(instrument)];
  start_anew(chosen);
  if (chosen.book != nullptr) chosen.book->reset();
  if (chosen.any) ++chosen.session;
  chosen.any = false;
}

void TickFeatureSet::reset() noexcept {
  for (int64_t i = 0; i < options_.instruments; ++i) reset(i);
}

const TickState& TickFeatureSet::state(int64_t instrument) const {
  QTK_ASSERT(instrument >= 0 && instrument < options_.instruments);
  return instruments_[static_cast<size_t>(instrument)].state;
}

TickMatrix compute_tick_features(std::span<const std::string> specifications, const TickFeatureOptions& options,
                                 std::span<const TickEvent> events) {
  const TickFeatureSet whole(specifications, options);  // refuses what is to be refused, ahead of the threads
  std::vector<std::vector<size_t>> positions(static_cast<size_t>(options.instruments));
  for (size_t i = 0; i < events.size(); ++i) {
    QTK_CHECK(events[i].instrument >= 0 && events[i].instrument < options.instruments, ValueError,
              "[features] event {}: instrument {}, expected 0..{}", i, events[i].instrument, options.instruments - 1);
    positions[static_cast<size_t>(events[i].instrument)].push_back(i);
  }
  const auto width = static_cast<size_t>(whole.size());
  TickMatrix matrix{.names = {whole.names().begin(), whole.names().end()},
                    .values = std::vector<float>(events.size() * width),
                    .points = std::vector<TickPoint>(events.size())};
  TickFeatureOptions single = options;
  single.instruments = 1;
  parallel_for(options.instruments, [&](int64_t k) {
    TickFeatureSet set(specifications, single);
    for (const size_t i : positions[static_cast<size_t>(k)]) {
      TickEvent event = events[i];
      event.instrument = 0;
      matrix.points[i] = set.update(event, std::span(matrix.values).subspan(i * width, width));
      matrix.points[i].instrument = static_cast<int32_t>(k);
      QTK_CHECK(matrix.points[i].accepted, ValueError,
                "[features] event {} comes before the event of its instrument ahead of it, expected the order of time",
                i);
    }
  });
  return matrix;
}

}  // namespace quantick::features
