#include "quantick/market/text.h"

#include <fmt/core.h>

#include "quantick/core/fields.h"

namespace quantick::market {
namespace {

/// Length of the UTF-8 character at the front of `text`, or 0 where the bytes are not one.
size_t utf8_length(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const size_t length = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  if (length == 0 || length > text.size()) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) return 0;
  }
  return length;
}

}  // namespace

std::string_view trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::string normalized(std::string_view text) {
  text = trim(text);
  if (text.size() > 2 && text.front() == '<' && text.back() == '>') text = text.substr(1, text.size() - 2);
  std::string result;
  for (const char c : text) {
    if (c == ' ' || c == '\t' || c == '-' || c == '.' || c == '_') {
      if (result.empty() || result.back() != '_') result += '_';
    } else {
      result += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
  }
  return result;
}

std::string shown(std::string_view text) {
  constexpr size_t kLongest = 60;
  std::string result = "\"";
  bool cut = false;
  while (!text.empty()) {
    if (result.size() > kLongest) {
      cut = true;
      break;
    }
    const size_t length = utf8_length(text);
    if (length == 0 || static_cast<unsigned char>(text[0]) < 0x20 || text[0] == 0x7f) {
      result += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[0]));
      text.remove_prefix(1);
    } else {
      result += text.substr(0, length);
      text.remove_prefix(length);
    }
  }
  return result + (cut ? "...\"" : "\"");
}

std::string did_you_mean(std::string_view name, std::span<const std::string> known) {
  const std::string nearest = nearest_name(name, known);
  return nearest.empty() ? std::string() : fmt::format(" (did you mean \"{}\"?)", nearest);
}

}  // namespace quantick::market
