#pragma once
// What to do about gaps in prices. Filling looks backward only: a value never comes from a later date.
#include <string>
#include <string_view>
#include <vector>

#include "quantick/market/panel.h"
#include "quantick/market/reader.h"

namespace quantick::market {

/// True for open, high, low, close, adjusted and vwap: fields that must be above zero and that forward_fill repeats.
bool is_price_field(std::string_view field);

/// Applies options.missing to `panel` and returns what was done, one line each. A gap is a date without price after an
/// instrument's first price. `error` and `drop_instrument` look only at gaps that a later price closes; `forward_fill`
/// fills any gap for at most fill_limit bars (whether a later price comes cannot be known at the time): the open, high,
/// low and close of a filled bar are the last close; volumes stay missing. Throws ValueError.
std::vector<std::string> apply_missing_policy(Panel& panel, const ReadOptions& options);

}  // namespace quantick::market
