// spread(), relative_spread(), imbalance(), microprice(), microprice_offset(): the quote in force.
#include "quantick/features/ticks/tick_registry.h"

namespace quantick::features {
namespace {

double imbalance(const market::Quote& quote) {
  return (quote.bid_size - quote.ask_size) / (quote.bid_size + quote.ask_size);
}

/// Its distance from the mid is written as such: the difference of two near prices would lose digits.
double microprice_distance(const market::Quote& quote) { return 0.5 * (quote.ask - quote.bid) * imbalance(quote); }

/// A function of the quote alone.
template <double (*value)(const TickState&)>
class QuoteFeature final : public TickFeature {
 public:
  QuoteFeature(const NoParameters&, std::string name) : TickFeature(std::move(name)) {}
  double update(const TickState& state) noexcept override { return state.quoted ? value(state) : kNoValue; }
};

double spread(const TickState& state) { return state.quote.ask - state.quote.bid; }
double relative_spread(const TickState& state) { return spread(state) / state.mid; }
double size_imbalance(const TickState& state) { return imbalance(state.quote); }
double microprice(const TickState& state) { return state.mid + microprice_distance(state.quote); }
double microprice_offset(const TickState& state) { return microprice_distance(state.quote) / state.mid; }

template <double (*value)(const TickState&)>
TickFeatureRow quote_row(std::string name, std::string doc) {
  return tick_feature_row<NoParameters, QuoteFeature<value>>(name, std::move(doc), name + "()");
}

}  // namespace

TickFeatureRow spread_feature() { return quote_row<spread>("spread", "ask - bid, in units of price"); }
TickFeatureRow relative_spread_feature() { return quote_row<relative_spread>("relative_spread", "(ask - bid) / mid"); }
TickFeatureRow imbalance_feature() {
  return quote_row<size_imbalance>("imbalance", "(bid size - ask size) / (bid size + ask size), -1..1");
}
TickFeatureRow microprice_feature() {
  return quote_row<microprice>("microprice",
                               "(bid * ask size + ask * bid size) / (bid size + ask size), in units of price");
}
TickFeatureRow microprice_offset_feature() {
  return quote_row<microprice_offset>("microprice_offset", "(microprice - mid) / mid");
}

}  // namespace quantick::features
