#include "quantick/report/format.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace quantick::report {
namespace {

constexpr std::string_view kMinus = "\u2212";
constexpr std::string_view kNone = "\u2013";
constexpr std::string_view kReplacement = "\uFFFD";
constexpr std::string_view kThinSpace = "\u202F";
constexpr int kMostDecimals = 9;

/// Length of the UTF-8 sequence at the front, 0 where it is none (RFC 3629: no overlong forms, no surrogates).
size_t utf8_length(std::string_view text) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto tail = [&](size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return tail(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const bool overlong = lead == 0xE0 && byte(1) < 0xA0;
    const bool surrogate = lead == 0xED && byte(1) > 0x9F;
    return tail(1) && tail(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const bool overlong = lead == 0xF0 && byte(1) < 0x90;
    const bool beyond = lead == 0xF4 && byte(1) > 0x8F;
    return tail(1) && tail(2) && tail(3) && !overlong && !beyond ? 4 : 0;
  }
  return 0;
}

/// Calls put(sequence) for each character, with U+FFFD for what is none.
template <class Put>
void for_each_character(std::string_view text, Put&& put) {
  for (size_t i = 0; i < text.size();) {
    const size_t length = utf8_length(text.substr(i));
    const auto c = static_cast<unsigned char>(text[i]);
    const bool control = (c < 0x20 && c != '\n' && c != '\t' && c != '\r') || c == 0x7F;
    put(length == 0 || control ? kReplacement : text.substr(i, length));
    i += std::max<size_t>(length, 1);
  }
}

struct Style {
  double factor;
  int decimals;
  std::string_view suffix;
};

Style style_of(Unit unit) {
  switch (unit) {
    case Unit::kRatio:
      return {1, 2, ""};
    case Unit::kCorrelation:
      return {1, 4, ""};
    case Unit::kPercent:
      return {100, 2, "\u202F%"};
    case Unit::kBasisPoints:
      return {1e4, 2, "\u202Fbp"};
    case Unit::kProbability:
      return {1, 3, ""};
    case Unit::kCount:
      return {1, 0, ""};
    case Unit::kDecibel:
      return {1, 1, "\u202FdB"};
    case Unit::kSeconds:
      return {1, 2, "\u202Fs"};
    case Unit::kNumber:
      return {1, 4, ""};
  }
  return {1, 4, ""};
}

std::string with_minus(std::string text) {
  if (text.starts_with('-')) text.replace(0, 1, text.find_first_of("123456789") == std::string::npos ? "" : kMinus);
  return text;
}

std::string finite_or_sign(double value) {
  if (std::isnan(value)) return std::string(kNone);
  return (value < 0 ? std::string(kMinus) : "") + "\u221E";
}

}  // namespace

std::string escape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for_each_character(text, [&](std::string_view c) {
    if (c == "&")
      out += "&amp;";
    else if (c == "<")
      out += "&lt;";
    else if (c == ">")
      out += "&gt;";
    else if (c == "\"")
      out += "&quot;";
    else if (c == "'")
      out += "&#39;";
    else
      out += c;
  });
  return out;
}

std::string script_string(std::string_view text) {
  std::string out = "\"";
  for_each_character(text, [&](std::string_view c) {
    // "<" could end the element or open a comment; U+2028 and U+2029 end a line in old script engines.
    if (c.size() == 1 && (c[0] < 0x20 || c == "\"" || c == "\\" || c == "<" || c == ">" || c == "&")) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c[0]));
    } else if (c == "\u2028" || c == "\u2029") {
      out += ' ';
    } else {
      out += c;
    }
  });
  return out + "\"";
}

std::string format_value(double value, Unit unit) {
  if (!std::isfinite(value)) return finite_or_sign(value);
  if (unit == Unit::kNumber) return format_significant(value);
  if (unit == Unit::kCount) return format_count(static_cast<int64_t>(std::llround(value)));
  const Style style = style_of(unit);
  return with_minus(fmt::format("{:.{}f}", value * style.factor, style.decimals)) + std::string(style.suffix);
}

std::string format_percent(double value) {
  return std::isfinite(value) ? with_minus(fmt::format("{:.1f}", value * 100)) : finite_or_sign(value);
}

std::string format_difference(double value, double smallest, Unit unit) {
  if (!std::isfinite(value)) return finite_or_sign(value);
  const Style style = style_of(unit);
  const double scaled = std::abs(smallest * style.factor);
  int decimals = style.decimals;
  if (scaled > 0 && std::isfinite(scaled)) {
    decimals = std::clamp(1 - static_cast<int>(std::floor(std::log10(scaled))), style.decimals, kMostDecimals);
  }
  return with_minus(fmt::format("{:.{}f}", value * style.factor, decimals)) + std::string(style.suffix);
}

std::string format_count(int64_t count) {
  std::string digits = fmt::format("{}", count);
  const size_t first = digits.starts_with('-') ? 1 : 0;
  for (size_t i = digits.size(); i > first + 3;) {
    i -= 3;
    digits.insert(i, kThinSpace);
  }
  return with_minus(digits);
}

std::string format_significant(double value, int digits) {
  if (!std::isfinite(value)) return finite_or_sign(value);
  return with_minus(fmt::format("{:.{}g}", value, digits));
}

std::string format_bytes(int64_t bytes) {
  if (bytes < 0) return std::string(kNone);
  if (bytes < 1000) return fmt::format("{}\u202FB", bytes);
  if (bytes < 1000 * 1000) return fmt::format("{:.1f}\u202FkB", static_cast<double>(bytes) / 1e3);
  return fmt::format("{:.1f}\u202FMB", static_cast<double>(bytes) / 1e6);
}

std::string format_seconds(double seconds) {
  if (!std::isfinite(seconds)) return std::string(kNone);
  if (seconds < 0.1) return fmt::format("{:.1f}\u202Fms", seconds * 1e3);
  if (seconds < 60) return fmt::format("{:.2f}\u202Fs", seconds);
  const auto whole = static_cast<int64_t>(std::llround(seconds));
  return fmt::format("{}\u202Fmin {}\u202Fs", whole / 60, whole % 60);
}

}  // namespace quantick::report
