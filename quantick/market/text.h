#pragma once
// Small text helpers shared by the readers.
#include <span>
#include <string>
#include <string_view>

namespace quantick::market {

/// Without blanks and tabs at both ends.
std::string_view trim(std::string_view text);

/// Lower case (ASCII), trimmed, with runs of blanks, '-' and '.' as one '_': "Adj Close" -> "adj_close"; "<Close>" ->
/// "close".
std::string normalized(std::string_view text);

/// For error messages: in double quotes, cut after 60 bytes; control bytes and bytes that are not UTF-8 as \xNN.
std::string shown(std::string_view text);

/// ` (did you mean "close"?)`, or "" where no known name is near.
std::string did_you_mean(std::string_view name, std::span<const std::string> known);

}  // namespace quantick::market
