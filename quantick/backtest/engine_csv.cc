#include <fmt/format.h>

#include <iterator>

#include "quantick/backtest/engine.h"
#include "quantick/core/file.h"

namespace quantick::backtest {

void write_positions(const std::string& path, const BacktestResult& result) {
  fmt::memory_buffer text;
  auto out = std::back_inserter(text);
  fmt::format_to(out, "date,instrument,quantity,weight\n");
  const size_t n = result.instruments.size();
  for (size_t i = 0; i < result.quantities.size(); ++i) {
    if (result.quantities[i] == 0) continue;
    fmt::format_to(out, "{},{},{:.17g},{:.17g}\n", result.dates[i / n].to_string(), result.instruments[i % n],
                   result.quantities[i], result.weights[i]);
  }
  write_file(path, std::string_view(text.data(), text.size()));
}

void write_bars(const std::string& path, const BacktestResult& result) {
  fmt::memory_buffer text;
  auto out = std::back_inserter(text);
  fmt::format_to(out,
                 "date,equity,gross_return,net_return,commission,slippage,borrow,interest,turnover,gross_exposure,"
                 "net_exposure,longs,shorts,trades\n");
  for (size_t t = 0; t < result.dates.size(); ++t) {
    fmt::format_to(out, "{}", result.dates[t].to_string());
    for (const auto* series :
         {&result.equity, &result.gross_return, &result.net_return, &result.commission, &result.slippage,
          &result.borrow, &result.interest, &result.turnover, &result.gross_exposure, &result.net_exposure}) {
      fmt::format_to(out, ",{:.17g}", (*series)[t]);
    }
    fmt::format_to(out, ",{},{},{}\n", result.longs[t], result.shorts[t], result.trades[t]);
  }
  write_file(path, std::string_view(text.data(), text.size()));
}

}  // namespace quantick::backtest
