// Messages like those of a futures recording, most of them best quotes: read from a gzip file by our scanner and, as
// the base of the ratio, line by line by nlohmann-json, the inflating included in both. And changes of a deep book.
#include <benchmark/benchmark.h>
#include <zlib.h>

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "quantick/core/error.h"
#include "quantick/core/rng.h"
#include "quantick/market/book.h"
#include "quantick/market/byte_source.h"
#include "quantick/market/tick_reader.h"

namespace quantick::market {
namespace {

constexpr int64_t kMessages = 20000;
constexpr int64_t kLevelsPerChange = 70;  // of the recording in ../shared/data
constexpr int64_t kLevels = 5000;         // per side of its book

std::string level(int64_t cents, uint64_t size) {
  return fmt::format("[\"{}.{:02}\",\"{}.{:03}\"]", cents / 100, cents % 100, size / 1000, size % 1000);
}

/// 70 % best quotes, 23 % trades, 7 % changes of depth.
std::string recording() {
  const Key key(1);
  std::string text;
  int64_t id = 10;
  for (int64_t i = 0; i < kMessages; ++i) {
    const auto draw = [&](uint64_t bound) { return static_cast<int64_t>(key.below(static_cast<uint64_t>(i), bound)); };
    const int64_t kind = draw(100), cents = 6180000 + draw(1000) * 10;
    text += fmt::format("{} {{\"stream\":\"btcusdt@x\",\"data\":{{", 1723161255030314667 + i * 1'000'000);
    const std::string times = "\"T\":1723161256298,\"E\":1723161256299,\"s\":\"BTCUSDT\"";
    if (kind < 70) {
      text +=
          fmt::format("\"e\":\"bookTicker\",\"u\":{},{},\"b\":\"{}.00\",\"B\":\"2.507\",\"a\":\"{}.10\",\"A\":\"0.5\"",
                      id, times, cents / 100, cents / 100);
    } else if (kind < 93) {
      text += fmt::format("\"e\":\"trade\",{},\"t\":{},\"p\":\"{}.30\",\"q\":\"0.006\",\"X\":\"MARKET\",\"m\":{}",
                          times, i, cents / 100, kind % 2 == 0);
    } else {
      text += fmt::format("\"e\":\"depthUpdate\",{},\"U\":{},\"u\":{},\"pu\":{}", times, id + 1, id + 9, id);
      id += 9;
      for (const int side : {0, 1}) {
        text += side == 0 ? ",\"b\":[" : "],\"a\":[";
        for (int64_t k = 0; k < kLevelsPerChange / 2; ++k) {
          text += (k == 0 ? "" : ",") + level(cents + (side == 0 ? -k : k) * 10, static_cast<uint64_t>(k * 77 % 5000));
        }
      }
      text += "]";
    }
    text += "}}\n";
  }
  return text;
}

/// The recording as a gzip file, removed at the end of the program.
class RecordingFile {
 public:
  RecordingFile() : path_((std::filesystem::temp_directory_path() / "quantick-tick-bench.jsonl.gz").string()) {
    const std::string text = recording();
    const gzFile file = gzopen(path_.c_str(), "wb6");
    QTK_CHECK(file != nullptr, IoError, "[bench] {}: cannot write", path_);
    gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
    gzclose(file);
  }
  ~RecordingFile() { std::filesystem::remove(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

const std::string& recording_path() {
  static const RecordingFile file;
  return file.path();
}

double seconds_of(auto&& body) {
  const auto start = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void read_messages(benchmark::State& state) {
  double ours = 0, theirs = 0;
  int64_t events = 0;
  for (auto _ : state) {
    ours += seconds_of([&] {
      const auto source = open_ticks(recording_path());
      for (TickEvent event; source->next(event);) ++events;
    });
    theirs += seconds_of([&] {
      LineReader lines("bench", recording_path());
      for (std::string_view line; lines.next(line);) {
        benchmark::DoNotOptimize(nlohmann::json::parse(line.substr(line.find(' ') + 1)));
      }
    });
  }
  state.counters["messages_per_second"] = static_cast<double>(events) / ours;
  state.counters["ratio_to_nlohmann"] = theirs / ours;
}
BENCHMARK(read_messages)->Unit(benchmark::kMillisecond);

void change_book(benchmark::State& state) {
  const Key key(2);
  uint64_t draw = 0;
  const auto below = [&](uint64_t bound) { return static_cast<int64_t>(key.below(draw++, bound)); };
  // Most changes are near the best price, and a third of them take a level away.
  const auto distance = [&] { return below(2) == 0 ? below(50) : below(2 * kLevels); };
  Book book;
  DepthUpdate snapshot{.snapshot = true, .last_id = 0};
  for (int64_t i = 0; i < kLevels; ++i) {
    snapshot.bids.push_back({100000 - 2 * i, 1});
    snapshot.asks.push_back({100001 + 2 * i, 1});
  }
  std::vector<DepthUpdate> changes(1000);
  for (auto& change : changes) {
    for (int64_t k = 0; k < kLevelsPerChange / 2; ++k) {
      change.bids.push_back({100000 - distance(), static_cast<double>(below(3))});
      change.asks.push_back({100001 + distance(), static_cast<double>(below(3))});
    }
  }
  book.update(snapshot);
  size_t at = 0;
  int64_t id = 0;
  for (auto _ : state) {
    DepthUpdate& change = changes[at++ % changes.size()];
    change.previous_id = id;
    change.last_id = ++id;
    benchmark::DoNotOptimize(book.update(change));
  }
  QTK_CHECK(book.status() == BookStatus::ready, ValueError, "[bench] the book is {}", status_name(book.status()));
  state.counters["levels_per_second"] =
      benchmark::Counter(static_cast<double>(state.iterations() * kLevelsPerChange), benchmark::Counter::kIsRate);
}
BENCHMARK(change_book);

}  // namespace
}  // namespace quantick::market
