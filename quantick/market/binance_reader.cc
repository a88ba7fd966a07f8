// Messages of Binance's web socket streams as recorders keep them: local time in ns, blank, JSON.
#include <charconv>

#include "quantick/core/error.h"
#include "quantick/market/byte_source.h"
#include "quantick/market/json_scanner.h"
#include "quantick/market/price_step.h"
#include "quantick/market/text.h"
#include "quantick/market/tick_reader.h"

namespace quantick::market {
namespace {

constexpr int64_t kNanosPerMilli = 1'000'000;

/// What a message held. Binance's one-letter keys mean other things in other messages, so they are kept by kind of
/// value: `b` is a price in a bookTicker and a list of levels in a depthUpdate.
struct Message {
  enum Bit : uint32_t {
    kEvent = 1 << 0,        // e
    kEventTime = 1 << 1,    // E
    kTime = 1 << 2,         // T
    kSymbol = 1 << 3,       // s
    kFirst = 1 << 4,        // U
    kLast = 1 << 5,         // u
    kPrevious = 1 << 6,     // pu
    kBid = 1 << 7,          // b, a string
    kAsk = 1 << 8,          // a, a string
    kBidSize = 1 << 9,      // B
    kAskSize = 1 << 10,     // A
    kBids = 1 << 11,        // b or bids, an array
    kAsks = 1 << 12,        // a or asks, an array
    kPrice = 1 << 13,       // p
    kSize = 1 << 14,        // q
    kBuyerMaker = 1 << 15,  // m
    kTradeKind = 1 << 16,   // X
    kSnapshotId = 1 << 17,  // lastUpdateId
    kData = 1 << 18,        // data
  };
  uint32_t seen = 0;
  std::string_view event, symbol, trade_kind;
  std::string_view bid, ask, bid_size, ask_size, price, size;
  int64_t event_time = 0, time = 0, first = 0, last = 0, previous = 0, snapshot_id = 0;
  bool buyer_maker = false;

  bool has(uint32_t bits) const { return (seen & bits) == bits; }
};

class BinanceReader final : public TickSource {
 public:
  BinanceReader(const std::string& path, const TickReadOptions& options)
      : path_(path),
        lines_("ticks", path),
        instrument_(options.checked_instrument()),
        depth_{.step = PriceStep(options.price_step)} {}

  bool next(TickEvent& event) override {
    for (std::string_view line; lines_.next(line);) {
      if (trim(line).empty()) continue;
      if (read_line(line, event)) return true;
      ++skipped_;
    }
    return false;
  }

  int64_t skipped() const override { return skipped_; }
  std::string_view symbol() const override { return symbol_; }

 private:
  template <class... Args>
  [[noreturn]] void refuse(fmt::format_string<Args...> text, Args&&... args) const {
    fail<ParseError>("[ticks] {}:{}: {}", path_, lines_.line(), fmt::format(text, std::forward<Args>(args)...));
  }

  /// False for a message of another kind.
  bool read_line(std::string_view line, TickEvent& event) {
    const size_t blank = line.find(' ');
    int64_t receipt = 0;
    const auto [end, status] = std::from_chars(line.data(), line.data() + std::min(blank, line.size()), receipt);
    if (blank == std::string_view::npos || status != std::errc() || end != line.data() + blank || receipt <= 0) {
      refuse("local time, was {}, expected ns since 1970 and a blank", shown(line.substr(0, blank)));
    }
    if (receipt < last_receipt_) {
      refuse("local time, was {}, {} ns before the line above, expected lines in the order of receipt", receipt,
             last_receipt_ - receipt);
    }
    last_receipt_ = receipt;

    depth_.bids.clear();
    depth_.asks.clear();
    Message message;
    const std::string_view text = line.substr(blank + 1);
    JsonScanner scanner(text);
    try {
      if (scanner.peek() == '[')
        scanner.skip();  // messages of the whole market
      else
        read_object(scanner, message, 0);
      scanner.end();
    } catch (const JsonError& error) {
      refuse("byte {}: was {}, expected {}", blank + 2 + error.at, shown(text.substr(std::min(error.at, text.size()))),
             error.expected);
    }
    check_symbol(message);

    event = {};
    event.receipt_time = receipt;
    event.instrument = instrument_;
    if (message.has(Message::kTime))
      event.exchange_time = nanos("T", message.time);
    else if (message.has(Message::kEventTime))
      event.exchange_time = nanos("E", message.event_time);
    if (message.has(Message::kSnapshotId)) return take_snapshot(message, event);
    if (message.event == "depthUpdate") return take_depth(message, event);
    if (message.event == "trade") return take_trade(message, event);
    const bool unnamed = !message.has(Message::kEvent) && message.has(Message::kBid | Message::kAsk);
    if (message.event == "bookTicker" || unnamed) return take_quote(message, event);
    return false;
  }

  void read_object(JsonScanner& scanner, Message& message, int depth) {
    scanner.begin_object();
    for (std::string_view key; scanner.next_key(key);) read_member(scanner, key, message, depth);
  }

  void read_member(JsonScanner& scanner, std::string_view key, Message& message, int depth) {
    using M = Message;
    if (key.size() == 1) {
      const bool array = scanner.peek() == '[', string = scanner.peek() == '"';
      switch (key[0]) {
        case 'e':
          return put(message, M::kEvent, key, message.event, scanner.string());
        case 'E':
          return put(message, M::kEventTime, key, message.event_time, scanner.integer());
        case 'T':
          return put(message, M::kTime, key, message.time, scanner.integer());
        case 's':
          return put(message, M::kSymbol, key, message.symbol, scanner.string());
        case 'U':
          return put(message, M::kFirst, key, message.first, scanner.integer());
        case 'u':
          return put(message, M::kLast, key, message.last, scanner.integer());
        case 'p':
          return put(message, M::kPrice, key, message.price, scanner.string());
        case 'q':
          return put(message, M::kSize, key, message.size, scanner.string());
        case 'm':
          return put(message, M::kBuyerMaker, key, message.buyer_maker, scanner.boolean());
        case 'X':
          return put(message, M::kTradeKind, key, message.trade_kind, scanner.string());
        case 'B':
          return put(message, M::kBidSize, key, message.bid_size, scanner.string());
        case 'A':
          return put(message, M::kAskSize, key, message.ask_size, scanner.string());
        case 'b':
          if (array) return read_levels(scanner, M::kBids, key, message, depth_.bids);
          if (string) return put(message, M::kBid, key, message.bid, scanner.string());
          break;
        case 'a':
          if (array) return read_levels(scanner, M::kAsks, key, message, depth_.asks);
          if (string) return put(message, M::kAsk, key, message.ask, scanner.string());
          break;
        default:
          break;
      }
    } else if (key == "pu") {
      return put(message, M::kPrevious, key, message.previous, scanner.integer());
    } else if (key == "data" && depth == 0 && scanner.peek() != '[') {
      mark(message, M::kData, key);
      return read_object(scanner, message, 1);
    } else if (key == "lastUpdateId") {
      return put(message, M::kSnapshotId, key, message.snapshot_id, scanner.integer());
    } else if (key == "bids") {
      return read_levels(scanner, M::kBids, key, message, depth_.bids);
    } else if (key == "asks") {
      return read_levels(scanner, M::kAsks, key, message, depth_.asks);
    }
    scanner.skip();
  }

  void mark(Message& message, Message::Bit bit, std::string_view key) const {
    if (message.has(bit)) refuse("field {} stands twice in the message", shown(key));
    message.seen |= bit;
  }

  template <class T>
  void put(Message& message, Message::Bit bit, std::string_view key, T& member, T value) const {
    mark(message, bit, key);
    member = value;
  }

  void read_levels(JsonScanner& scanner, Message::Bit bit, std::string_view key, Message& message,
                   std::vector<BookLevel>& levels) const {
    mark(message, bit, key);
    scanner.begin_array();
    while (scanner.next_element()) {
      scanner.begin_array();
      if (!scanner.next_element()) throw JsonError{scanner.at(), "a price and a size"};
      const std::string_view price = scanner.string();
      if (!scanner.next_element()) throw JsonError{scanner.at(), "a size behind the price"};
      const std::string_view size = scanner.string();
      while (scanner.next_element()) scanner.skip();  // old spot streams send a third, empty element
      const auto steps = depth_.step.steps(decimal(key, price));
      if (!steps) {
        refuse("field {}: price {}, expected a multiple of the price step {}", shown(key), shown(price),
               depth_.step.value());
      }
      levels.push_back({*steps, size_of(key, size)});
    }
  }

  Decimal decimal(std::string_view key, std::string_view text) const {
    const auto value = parse_decimal(text);
    if (!value) refuse("field {}: was {}, expected a decimal number", shown(key), shown(text));
    return *value;
  }

  double size_of(std::string_view key, std::string_view text) const {
    const Decimal value = decimal(key, text);
    if (value.digits < 0) refuse("field {}: size, was {}, expected 0 or more", shown(key), shown(text));
    return value.value();
  }

  int64_t nanos(std::string_view key, int64_t millis) const {
    // Up to the year 2200, which also keeps the product within 64 bits.
    if (millis <= 0 || millis > 7'258'118'400'000) {
      refuse("field {}: was {}, expected ms since 1970", shown(key), millis);
    }
    return millis * kNanosPerMilli;
  }

  void check_symbol(const Message& message) {
    if (!message.has(Message::kSymbol)) return;
    if (symbol_.empty()) symbol_ = message.symbol;
    if (message.symbol != symbol_) {
      refuse("field \"s\": was {}, expected {} as above; a file holds one instrument, split it", shown(message.symbol),
             shown(symbol_));
    }
  }

  void require(const Message& message, std::string_view kind,
               std::initializer_list<std::pair<Message::Bit, std::string_view>> fields) const {
    for (const auto& [bit, key] : fields) {
      if (!message.has(bit)) refuse("field {} is missing in a {} message", shown(key), kind);
    }
  }

  bool take_snapshot(const Message& message, TickEvent& event) {
    require(message, "snapshot", {{Message::kBids, "bids"}, {Message::kAsks, "asks"}});
    depth_.snapshot = true;
    depth_.previous_id = 0;
    depth_.last_id = message.snapshot_id;
    event.depth = &depth_;
    return true;
  }

  bool take_depth(const Message& message, TickEvent& event) {
    require(message, "depthUpdate",
            {{Message::kFirst, "U"}, {Message::kLast, "u"}, {Message::kBids, "b"}, {Message::kAsks, "a"}});
    if (message.last < message.first) {
      refuse("field \"u\": was {}, expected {} or more as in \"U\"", message.last, message.first);
    }
    depth_.snapshot = false;
    depth_.previous_id = message.has(Message::kPrevious) ? message.previous : message.first - 1;
    depth_.last_id = message.last;
    event.depth = &depth_;
    return true;
  }

  bool take_trade(const Message& message, TickEvent& event) {
    // Futures also report fills of the insurance fund and of forced deleveraging, which no order book saw.
    if (message.has(Message::kTradeKind) && message.trade_kind != "MARKET") return false;
    require(message, "trade", {{Message::kPrice, "p"}, {Message::kSize, "q"}, {Message::kBuyerMaker, "m"}});
    event.has_trade = true;
    event.trade = {.price = decimal("p", message.price).value(),
                   .size = size_of("q", message.size),
                   .aggressor = message.buyer_maker ? Side::sell : Side::buy};
    if (event.trade.price <= 0) refuse("field \"p\": was {}, expected above 0", shown(message.price));
    return true;
  }

  bool take_quote(const Message& message, TickEvent& event) {
    require(message, "bookTicker",
            {{Message::kLast, "u"},
             {Message::kBid, "b"},
             {Message::kBidSize, "B"},
             {Message::kAsk, "a"},
             {Message::kAskSize, "A"}});
    event.has_quote = true;
    event.update_id = message.last;
    read_side("b", message.bid, "B", message.bid_size, event.quote.bid, event.quote.bid_size);
    read_side("a", message.ask, "A", message.ask_size, event.quote.ask, event.quote.ask_size);
    return true;
  }

  /// A size of 0 is an empty side, whatever its price says.
  void read_side(std::string_view price_key, std::string_view price_text, std::string_view size_key,
                 std::string_view size_text, double& price, double& size) const {
    size = size_of(size_key, size_text);
    const double value = decimal(price_key, price_text).value();
    if (size > 0) price = value;
  }

  std::string path_;
  LineReader lines_;
  int32_t instrument_;
  std::string symbol_;
  int64_t last_receipt_ = 0;
  int64_t skipped_ = 0;
  DepthUpdate depth_;  // of the event handed out last
};

}  // namespace

std::unique_ptr<TickSource> open_binance(const std::string& path, const TickReadOptions& options) {
  return std::make_unique<BinanceReader>(path, options);
}

}  // namespace quantick::market
