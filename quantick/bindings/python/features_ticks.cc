// Features of ticks: a tape at once, or event by event; and their labels.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <memory>

#include "quantick/bindings/python/data.h"
#include "quantick/bindings/python/fields.h"
#include "quantick/bindings/python/unlocked.h"
#include "quantick/features/ticks/tick_feature_set.h"
#include "quantick/features/ticks/tick_labels.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace quantick::python {
namespace {

using features::TickFeatureSet;
using features::TickMatrix;
using features::TickPoint;
using market::TickEvent;
using market::TickTape;

template <class Value>
nb::object column(const TickMatrix& matrix, Value&& value) {
  std::vector<std::invoke_result_t<Value, const TickPoint&>> out;
  out.reserve(matrix.points.size());
  for (const TickPoint& point : matrix.points) out.push_back(value(point));
  return moved_array(std::move(out));
}

nb::object truths(const TickMatrix& matrix, bool TickPoint::*member) {
  return column(matrix, [&](const TickPoint& p) { return static_cast<uint8_t>(p.*member); }).attr("view")("bool");
}

/// The live form with a row of its own, which the caller sees without a copy.
struct LiveTicks {
  LiveTicks(const std::vector<std::string>& specifications, const features::TickFeatureOptions& options)
      : set(specifications, options), row(static_cast<size_t>(set.size())) {}

  bool take(const TickEvent& event) {
    last = set.update(event, row);
    QTK_CHECK(last.accepted, ValueError,
              "[features] event of instrument {} at {} ns: expected instruments 0 to {} and times that never fall",
              event.instrument, event.time(), set.instruments() - 1);
    return last.tick && last.complete;
  }

  TickFeatureSet set;
  std::vector<float> row;
  TickPoint last;
};

TickEvent event_of(int64_t time, double bid, double ask, double bid_size, double ask_size, double trade_price,
                   double trade_size, int aggressor, double total_volume, int32_t instrument) {
  TickEvent event;
  event.receipt_time = time;
  event.instrument = instrument;
  event.has_quote = bid == bid || ask == ask;
  event.quote = {.bid = bid, .ask = ask, .bid_size = bid_size, .ask_size = ask_size};
  event.has_trade = trade_price == trade_price;
  QTK_CHECK(aggressor >= -1 && aggressor <= 1, ValueError, "[features] aggressor, was {}, expected -1, 0 or 1",
            aggressor);
  if (event.has_trade)
    event.trade = {.price = trade_price, .size = trade_size, .aggressor = static_cast<market::Side>(aggressor)};
  event.total_volume = total_volume;
  return event;
}

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

}  // namespace

void bind_tick_features(nb::module_& m) {
  nb::class_<TickMatrix>(m, "TickMatrix", "Features of ticks: a row for every event.")
      .def_ro("names", &TickMatrix::names)
      .def_prop_ro(
          "values",
          [](nb::handle self) {
            const auto& matrix = nb::cast<const TickMatrix&>(self);
            return view_of(std::span(matrix.values), {matrix.points.size(), matrix.names.size()}, self);
          },
          nb::sig("def values(self) -> numpy.ndarray"), "float32 [events, features], NaN: no value yet.")
      .def_prop_ro(
          "mid", [](const TickMatrix& t) { return column(t, [](const TickPoint& p) { return p.mid; }); },
          nb::sig("def mid(self) -> numpy.ndarray"), "In force after the event; NaN: none.")
      .def_prop_ro(
          "session", [](const TickMatrix& t) { return column(t, [](const TickPoint& p) { return p.session; }); },
          nb::sig("def session(self) -> numpy.ndarray"), "How often the instrument started anew ahead of the event.")
      .def_prop_ro(
          "tick", [](const TickMatrix& t) { return truths(t, &TickPoint::tick); },
          nb::sig("def tick(self) -> numpy.ndarray"), "The event brought a quote of both sides.")
      .def_prop_ro(
          "complete", [](const TickMatrix& t) { return truths(t, &TickPoint::complete); },
          nb::sig("def complete(self) -> numpy.ndarray"), "Every value of the row is there.")
      .def(
          "labels",
          [](const TickMatrix& t, int64_t ticks, double seconds) {
            auto labels = features::forward_mid_returns(t.points, {.ticks = ticks, .seconds = seconds});
            return nb::make_tuple(moved_array(std::move(labels.rows)), moved_array(std::move(labels.values)));
          },
          "ticks"_a = 0, "seconds"_a = 0.0,
          nb::sig("def labels(self, ticks: int = 0, seconds: float = 0.0) -> tuple[numpy.ndarray, numpy.ndarray]"),
          "(rows, values): the return of the mid so many ticks or seconds ahead, where there is one. Looks ahead.")
      .def("__len__", [](const TickMatrix& t) { return t.points.size(); });
  m.def(
      "tick_features_of",
      [](const TickTape& tape, const std::vector<std::string>& specifications, const nb::dict& options) {
        const auto chosen = from_keywords<features::TickFeatureOptions>(options, "features.compute_ticks");
        const Unlocked released;
        return features::compute_tick_features(specifications, chosen, tape.events());
      },
      "ticks"_a, "specifications"_a, "options"_a,
      nb::sig("def tick_features_of(ticks: Ticks, specifications: typing.Sequence[str], options: dict[str, "
              "typing.Any]) -> TickMatrix"));
  nb::class_<LiveTicks>(m, "TickFeatureStream",
                        "Features of ticks, event by event: the bits of the batch. After construction nothing "
                        "allocates.")
      .def(
          "__init__",
          [](LiveTicks* self, const std::vector<std::string>& specifications, const nb::dict& options) {
            new (self) LiveTicks(specifications,
                                 from_keywords<features::TickFeatureOptions>(options, "features.TickFeatureStream"));
          },
          "specifications"_a, "options"_a,
          nb::sig("def __init__(self, specifications: typing.Sequence[str], options: dict[str, typing.Any]) -> None"))
      .def_prop_ro(
          "names",
          [](const LiveTicks& s) { return std::vector<std::string>(s.set.names().begin(), s.set.names().end()); })
      .def_prop_ro(
          "row",
          [](nb::handle self) {
            const auto& s = nb::cast<const LiveTicks&>(self);
            return view_of(std::span(s.row), {s.row.size()}, self);
          },
          nb::sig("def row(self) -> numpy.ndarray"),
          "float32 [features] after the last event: the stream's own memory, written over by the next.")
      .def_prop_ro(
          "mid", [](const LiveTicks& s) { return s.last.mid; }, "After the last event; NaN: none.")
      .def_prop_ro(
          "session", [](const LiveTicks& s) { return s.last.session; },
          "How often the instrument of the last event started anew: a model's state must, too.")
      .def(
          "update",
          [](LiveTicks& s, int64_t time, double bid, double ask, double bid_size, double ask_size, double trade_price,
             double trade_size, int aggressor, double total_volume, int32_t instrument) {
            return s.take(event_of(time, bid, ask, bid_size, ask_size, trade_price, trade_size, aggressor, total_volume,
                                   instrument));
          },
          "time"_a, "bid"_a = kNone, "ask"_a = kNone, "bid_size"_a = 0.0, "ask_size"_a = 0.0, "trade_price"_a = kNone,
          "trade_size"_a = 0.0, "aggressor"_a = 0, "total_volume"_a = 0.0, "instrument"_a = 0,
          nb::sig("def update(self, time: int, bid: float = ..., ask: float = ..., bid_size: float = 0.0, ask_size: "
                  "float = 0.0, trade_price: float = ..., trade_size: float = 0.0, aggressor: int = 0, total_volume: "
                  "float = 0.0, instrument: int = 0) -> bool"),
          "Takes an event: ns since 1970-01-01 UTC, a quote, a trade, or both (NaN: none). True where it is a tick "
          "with "
          "a complete row: an occasion to run a model. Raises ValueError for times that fall.")
      .def(
          "update_from",
          [](LiveTicks& s, const TickTape& tape, int64_t i) {
            QTK_CHECK(i >= 0 && i < static_cast<int64_t>(tape.events().size()), IndexError,
                      "[features] event {}, expected 0 to {}", i, static_cast<int64_t>(tape.events().size()) - 1);
            return s.take(tape.events()[static_cast<size_t>(i)]);
          },
          "ticks"_a, "event"_a, "Takes an event of files, with its changes of the order book.")
      .def(
          "reset",
          [](LiveTicks& s, std::optional<int64_t> instrument) {
            if (!instrument) return s.set.reset();
            QTK_CHECK(*instrument >= 0 && *instrument < s.set.instruments(), IndexError,
                      "[features] instrument, was {}, expected 0 to {}", *instrument, s.set.instruments() - 1);
            s.set.reset(*instrument);
          },
          "instrument"_a = nb::none(), "Forgets the events of an instrument, or of all.");
}

}  // namespace quantick::python
