#include "quantick/market/tick.h"

#include <string>

#include "quantick/core/error.h"
#include "quantick/market/text.h"

namespace quantick::market {
namespace {

class MergedTicks final : public TickSource {
 public:
  explicit MergedTicks(std::vector<std::unique_ptr<TickSource>> sources)
      : sources_(std::move(sources)), fronts_(sources_.size()), there_(sources_.size()) {}

  bool next(TickEvent& event) override {
    // The source of the last event is moved on only now: until here its depth had to stand.
    for (size_t i = 0; i < sources_.size(); ++i) {
      if (!started_ || i == last_) there_[i] = sources_[i]->next(fronts_[i]);
    }
    started_ = true;
    last_ = sources_.size();
    for (size_t i = 0; i < sources_.size(); ++i) {
      if (there_[i] && (last_ == sources_.size() || fronts_[i].time() < fronts_[last_].time())) last_ = i;
    }
    if (last_ == sources_.size()) return false;
    event = fronts_[last_];
    return true;
  }

  int64_t skipped() const override {
    int64_t sum = 0;
    for (const auto& source : sources_) sum += source->skipped();
    return sum;
  }

 private:
  std::vector<std::unique_ptr<TickSource>> sources_;
  std::vector<TickEvent> fronts_;
  std::vector<char> there_;
  bool started_ = false;
  size_t last_ = 0;
};

class ChainedTicks final : public TickSource {
 public:
  explicit ChainedTicks(std::vector<std::unique_ptr<TickSource>> sources) : sources_(std::move(sources)) {}

  bool next(TickEvent& event) override {
    for (; at_ < sources_.size(); ++at_) {
      if (!sources_[at_]->next(event)) continue;
      QTK_CHECK(event.time() >= last_time_, ValueError,
                "[ticks] source {} begins {} ns before the one ahead of it ends, expected files in the order of time",
                at_ + 1, last_time_ - event.time());
      last_time_ = event.time();
      const std::string_view symbol = sources_[at_]->symbol();
      if (symbol_.empty()) symbol_ = symbol;
      QTK_CHECK(symbol.empty() || symbol == symbol_, ValueError,
                "[ticks] source {} is of {}, expected {} as the ones ahead of it", at_ + 1, shown(symbol),
                shown(symbol_));
      return true;
    }
    return false;
  }

  int64_t skipped() const override {
    int64_t sum = 0;
    for (const auto& source : sources_) sum += source->skipped();
    return sum;
  }
  std::string_view symbol() const override { return symbol_; }

 private:
  std::vector<std::unique_ptr<TickSource>> sources_;
  size_t at_ = 0;
  std::string symbol_;
  int64_t last_time_ = std::numeric_limits<int64_t>::min();
};

}  // namespace

TickTape::TickTape(TickSource& source) {
  for (TickEvent event; source.next(event);) append(event);
}

void TickTape::append(const TickEvent& event) {
  events_.push_back(event);
  if (event.depth == nullptr) return;
  depths_.push_back(std::make_unique<DepthUpdate>(*event.depth));
  events_.back().depth = depths_.back().get();
}

bool TickReplay::next(TickEvent& event) {
  if (events_.empty()) return false;
  event = events_.front();
  events_ = events_.subspan(1);
  return true;
}

std::unique_ptr<TickSource> merge_ticks(std::vector<std::unique_ptr<TickSource>> sources) {
  return std::make_unique<MergedTicks>(std::move(sources));
}

std::unique_ptr<TickSource> chain_ticks(std::vector<std::unique_ptr<TickSource>> sources) {
  return std::make_unique<ChainedTicks>(std::move(sources));
}

}  // namespace quantick::market
