// Tick files, in memory.
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "quantick/bindings/python/data.h"
#include "quantick/bindings/python/fields.h"
#include "quantick/bindings/python/long_call.h"
#include "quantick/core/interrupt.h"
#include "quantick/market/tick_reader.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace quantick::python {
namespace {

using market::TickEvent;
using market::TickTape;

/// Polls for Ctrl-C on the way.
class Polled final : public market::TickSource {
 public:
  explicit Polled(std::unique_ptr<market::TickSource> source) : source_(std::move(source)) {}
  bool next(TickEvent& event) override {
    constexpr int64_t kBetweenLooks = 4096;
    if (++count_ % kBetweenLooks == 0) check_interrupt();
    return source_->next(event);
  }
  int64_t skipped() const override { return source_->skipped(); }

 private:
  std::unique_ptr<market::TickSource> source_;
  int64_t count_ = 0;
};

TickTape read_ticks(const std::vector<std::string>& paths, const nb::dict& options) {
  const auto read = from_keywords<market::TickReadOptions>(options, "market.read_ticks");
  QTK_CHECK(!paths.empty(), ValueError, "[market.read_ticks] no file, expected one or more that continue each other");
  const LongCall call;
  std::vector<std::unique_ptr<market::TickSource>> sources;
  for (const auto& path : paths) sources.push_back(market::open_ticks(path, read));
  Polled source(market::chain_ticks(std::move(sources)));
  return TickTape(source);
}

/// A column of the events as an array of its own.
template <class Value>
nb::object column(const TickTape& tape, Value&& value) {
  std::vector<std::invoke_result_t<Value, const TickEvent&>> out;
  out.reserve(tape.events().size());
  for (const TickEvent& event : tape.events()) out.push_back(value(event));
  return moved_array(std::move(out));
}

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

}  // namespace

void bind_ticks(nb::module_& m) {
  const auto array = [](const char* name) { return fmt::format("def {}(self) -> numpy.ndarray", name); };
  nb::class_<TickTape>(m, "Ticks", "Events of tick files, one after the other. Columns are arrays [events], copies.")
      .def("__len__", [](const TickTape& t) { return t.events().size(); })
      .def_prop_ro(
          "time", [](const TickTape& t) { return column(t, [](const TickEvent& e) { return e.time(); }); },
          nb::sig(array("time").c_str()),
          "ns since 1970-01-01 UTC by the clock that events are ordered by: receipt, else the exchange's.")
      .def_prop_ro(
          "exchange_time",
          [](const TickTape& t) { return column(t, [](const TickEvent& e) { return e.exchange_time; }); },
          nb::sig(array("exchange_time").c_str()), "ns, 0: the file has none.")
      .def_prop_ro(
          "receipt_time",
          [](const TickTape& t) { return column(t, [](const TickEvent& e) { return e.receipt_time; }); },
          nb::sig(array("receipt_time").c_str()), "ns, 0: the file has none.")
      .def_prop_ro(
          "instrument", [](const TickTape& t) { return column(t, [](const TickEvent& e) { return e.instrument; }); },
          nb::sig(array("instrument").c_str()))
      .def_prop_ro(
          "bid",
          [](const TickTape& t) {
            return column(t, [](const TickEvent& e) { return e.has_quote ? e.quote.bid : kNone; });
          },
          nb::sig(array("bid").c_str()), "NaN: the event brought no quote, or the side is empty.")
      .def_prop_ro(
          "ask",
          [](const TickTape& t) {
            return column(t, [](const TickEvent& e) { return e.has_quote ? e.quote.ask : kNone; });
          },
          nb::sig(array("ask").c_str()))
      .def_prop_ro(
          "bid_size",
          [](const TickTape& t) {
            return column(t, [](const TickEvent& e) { return e.has_quote ? e.quote.bid_size : kNone; });
          },
          nb::sig(array("bid_size").c_str()))
      .def_prop_ro(
          "ask_size",
          [](const TickTape& t) {
            return column(t, [](const TickEvent& e) { return e.has_quote ? e.quote.ask_size : kNone; });
          },
          nb::sig(array("ask_size").c_str()))
      .def_prop_ro(
          "trade_price",
          [](const TickTape& t) {
            return column(t, [](const TickEvent& e) { return e.has_trade ? e.trade.price : kNone; });
          },
          nb::sig(array("trade_price").c_str()), "NaN: the event brought no trade.")
      .def_prop_ro(
          "trade_size",
          [](const TickTape& t) {
            return column(t, [](const TickEvent& e) { return e.has_trade ? e.trade.size : kNone; });
          },
          nb::sig(array("trade_size").c_str()))
      .def_prop_ro(
          "aggressor",
          [](const TickTape& t) {
            return column(t, [](const TickEvent& e) {
              return static_cast<int8_t>(e.has_trade ? e.trade.aggressor : market::Side::unknown);
            });
          },
          nb::sig(array("aggressor").c_str()), "1: the buyer took, -1: the seller, 0: not known.")
      .def_prop_ro(
          "has_depth",
          [](const TickTape& t) {
            std::vector<uint8_t> out;
            for (const TickEvent& e : t.events()) out.push_back(e.depth != nullptr);
            return moved_array(std::move(out)).attr("view")("bool");
          },
          nb::sig(array("has_depth").c_str()), "The event changed the order book.")
      .def("__repr__", [](const TickTape& t) { return fmt::format("Ticks of {} events", t.events().size()); });
  m.def("read_ticks", &read_ticks, "paths"_a, "options"_a,
        nb::sig("def read_ticks(paths: typing.Sequence[str], options: dict[str, typing.Any]) -> Ticks"));
}

}  // namespace quantick::python
