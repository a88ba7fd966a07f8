// CSV with a best bid and ask per row, as Chinese futures exchanges send them twice a second (CTP).
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include "quantick/core/error.h"
#include "quantick/market/csv.h"
#include "quantick/market/date.h"
#include "quantick/market/text.h"
#include "quantick/market/tick_reader.h"

namespace quantick::market {
namespace {

constexpr int64_t kNanosPerSecond = 1'000'000'000;
constexpr int64_t kNanosPerDay = 86400 * kNanosPerSecond;
/// CTP writes the largest double where a price is absent.
constexpr double kNoPrice = 1e300;

/// Names are in the form of normalized(), those that go before others first.
struct Column {
  std::string_view what;
  bool required;
  std::array<std::string_view, 3> names;
};
enum What { kDate, kTime, kBid, kAsk, kBidSize, kAskSize, kSymbol, kLast, kVolume, kTotal, kDay, kColumns };
constexpr std::array<Column, kColumns> kKnown{{
    {"date", true, {"action_date", "date", ""}},
    {"time", true, {"action_time_ms", "time", ""}},
    {"bid", true, {"bid1", "bidprice1", "bid_price1"}},
    {"ask", true, {"ask1", "askprice1", "ask_price1"}},
    {"bid size", true, {"bid1_qty", "bidvolume1", "bid_volume1"}},
    {"ask size", true, {"ask1_qty", "askvolume1", "ask_volume1"}},
    {"symbol", false, {"symbol", "instrument", ""}},
    {"last price", false, {"last", "lastprice", "last_price"}},
    {"volume", false, {"volume", "lastvolume", "last_volume"}},
    {"volume of the day", false, {"total_volume", "", ""}},
    {"trading day", false, {"trading_date", "", ""}},
}};

/// Two digits at `at`, or -1.
int two_digits(std::string_view text, size_t at) {
  if (at + 2 > text.size() || text[at] < '0' || text[at] > '9' || text[at + 1] < '0' || text[at + 1] > '9') return -1;
  return (text[at] - '0') * 10 + (text[at + 1] - '0');
}

std::optional<int64_t> clock_nanos(int hour, int minute, int second, int64_t nanos) {
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return std::nullopt;
  return ((hour * 60 + minute) * 60 + second) * kNanosPerSecond + nanos;
}

/// 92900400 and 092900400 (HHMMSSmmm), 09:29:00 and 09:29:00.4 as ns since midnight.
std::optional<int64_t> parse_clock(std::string_view text) {
  if (text.find(':') == std::string_view::npos) {
    int64_t digits = 0;
    const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), digits);
    if (status != std::errc() || end != text.data() + text.size() || text.size() > 9 || digits < 0) return std::nullopt;
    return clock_nanos(static_cast<int>(digits / 10'000'000), static_cast<int>(digits / 100'000 % 100),
                       static_cast<int>(digits / 1000 % 100), digits % 1000 * 1'000'000);
  }
  if (text.size() < 8 || text[2] != ':' || text[5] != ':') return std::nullopt;
  int64_t nanos = 0;
  if (text.size() > 8) {
    if (text[8] != '.' || text.size() < 10 || text.size() > 18) return std::nullopt;
    for (size_t i = 9; i < 18; ++i) {
      const char c = i < text.size() ? text[i] : '0';
      if (c < '0' || c > '9') return std::nullopt;
      nanos = nanos * 10 + (c - '0');
    }
  }
  return clock_nanos(two_digits(text, 0), two_digits(text, 3), two_digits(text, 6), nanos);
}

class Level1Reader final : public TickSource {
 public:
  Level1Reader(const std::string& path, const TickReadOptions& options)
      : csv_(path), instrument_(options.checked_instrument()) {
    QTK_CHECK(std::abs(options.utc_offset) <= 24, ValueError, "[ticks] utc_offset, was {}, expected -24..24 hours",
              options.utc_offset);
    offset_ = std::llround(options.utc_offset * 3600) * kNanosPerSecond;
    const auto& header = csv_.header();
    for (size_t k = 0; k < kKnown.size(); ++k) {
      for (size_t n = 0; n < kKnown[k].names.size() && !columns_[k]; ++n) {
        for (size_t c = 0; c < header.size() && !columns_[k]; ++c) {
          if (!header[c].empty() && normalized(header[c]) == kKnown[k].names[n]) columns_[k] = c;
        }
      }
      QTK_CHECK(!kKnown[k].required || columns_[k].has_value(), ParseError,
                "[ticks] {}: no column for the {}, expected one called {}", path, kKnown[k].what, kKnown[k].names[0]);
    }
  }

  bool next(TickEvent& event) override {
    if (!csv_.next()) return false;
    check_symbol();
    event = {};
    event.instrument = instrument_;
    event.exchange_time = read_time();
    event.has_quote = true;
    read_side(kBid, kBidSize, event.quote.bid, event.quote.bid_size);
    read_side(kAsk, kAskSize, event.quote.ask, event.quote.ask_size);
    read_trade(event);
    return true;
  }
  std::string_view symbol() const override { return symbol_; }

 private:
  template <class... Args>
  [[noreturn]] void refuse(What what, fmt::format_string<Args...> text, Args&&... args) const {
    fail<ParseError>("[ticks] {}: {}", csv_.where(*columns_[what]), fmt::format(text, std::forward<Args>(args)...));
  }

  std::string_view cell(What what) const { return csv_.cells()[*columns_[what]]; }

  void check_symbol() {
    if (!columns_[kSymbol]) return;
    if (symbol_.empty()) symbol_ = cell(kSymbol);
    if (cell(kSymbol) != symbol_) {
      refuse(kSymbol, "was {}, expected {} as above; a file holds one instrument, split it", shown(cell(kSymbol)),
             shown(symbol_));
    }
  }

  int64_t read_time() {
    if (cell(kDate) != date_text_) {
      const auto date = Date::try_parse(cell(kDate));
      if (!date) refuse(kDate, "was {}, expected {}", shown(cell(kDate)), kDateForms);
      date_text_ = cell(kDate);
      date_ = *date;
    }
    const auto clock = parse_clock(cell(kTime));
    if (!clock) refuse(kTime, "was {}, expected HHMMSSmmm or HH:MM:SS.fff", shown(cell(kTime)));
    const int64_t time = date_.days * kNanosPerDay + *clock - offset_;
    if (time < last_time_) {
      refuse(kTime, "was {}, {} ns before the row above, expected rows in the order of time", shown(cell(kTime)),
             last_time_ - time);
    }
    return last_time_ = time;
  }

  /// NaN for an empty cell only.
  double read_number(What what) const {
    const double value = parse_number(csv_, *columns_[what]);
    if (std::isnan(value) && !trim(cell(what)).empty()) {
      refuse(what, "was {}, expected a number", shown(cell(what)));
    }
    return value;
  }

  double read_size(What what) const {
    const double size = read_number(what);
    if (size < 0) refuse(what, "was {}, expected 0 or more", shown(cell(what)));
    return std::isnan(size) ? 0 : size;
  }

  void read_side(What price_column, What size_column, double& price, double& size) const {
    price = read_number(price_column);
    size = read_size(size_column);
    if (size > 0 && std::abs(price) < kNoPrice) return;
    price = kAbsent;
    size = 0;
  }

  void read_trade(TickEvent& event) {
    const std::string_view day = columns_[kDay] ? cell(kDay) : cell(kDate);
    const bool same_day = day == day_;
    if (!same_day) day_ = day;
    std::optional<double> volume;
    if (columns_[kVolume]) volume = read_size(kVolume);
    if (columns_[kTotal]) {
      event.total_volume = read_size(kTotal);
      if (same_day && event.total_volume < total_) {
        refuse(kTotal, "was {}, expected {} or more as in the row above", shown(cell(kTotal)), total_);
      }
      if (!volume && same_day) volume = event.total_volume - total_;
      total_ = event.total_volume;
    }
    if (!columns_[kLast] || !volume) return;
    event.trade.price = read_number(kLast);
    event.trade.size = *volume;
    event.has_trade = *volume > 0 && std::abs(event.trade.price) < kNoPrice;
    if (!event.has_trade) event.trade = {};
  }

  static constexpr double kAbsent = std::numeric_limits<double>::quiet_NaN();

  CsvReader csv_;
  int32_t instrument_;
  int64_t offset_ = 0;  // ns by which the file's clock is ahead of UTC
  std::array<std::optional<size_t>, kColumns> columns_;
  std::string symbol_, date_text_, day_;
  Date date_;
  int64_t last_time_ = std::numeric_limits<int64_t>::min();
  double total_ = 0;
};

}  // namespace

std::unique_ptr<TickSource> open_level1(const std::string& path, const TickReadOptions& options) {
  return std::make_unique<Level1Reader>(path, options);
}

}  // namespace quantick::market
