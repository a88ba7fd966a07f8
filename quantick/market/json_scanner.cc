#include "quantick/market/json_scanner.h"

namespace quantick::market {
namespace {

constexpr int kDeepest = 64;  // values within values; more is a mistake, and skip_value recurses

bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

void JsonScanner::refuse(std::string_view expected) const { throw JsonError{at_, expected}; }

char JsonScanner::peek() {
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c != ' ' && c != '\t' && c != '\r' && c != '\n') return c;
    ++at_;
  }
  return 0;
}

void JsonScanner::begin(char bracket, std::string_view expected) {
  if (peek() != bracket) refuse(expected);
  ++at_;
  first_ = true;
}

bool JsonScanner::next_key(std::string_view& key) {
  char c = peek();
  const bool first = first_;
  first_ = false;
  if (c == '}') {
    ++at_;
    return false;
  }
  if (!first) {
    if (c != ',') refuse("',' or '}'");
    ++at_;
    c = peek();
  }
  if (c != '"') refuse("a key in quotes");
  key = string();
  if (peek() != ':') refuse("':'");
  ++at_;
  return true;
}

bool JsonScanner::next_element() {
  const char c = peek();
  const bool first = first_;
  first_ = false;
  if (c == ']') {
    ++at_;
    return false;
  }
  if (!first) {
    if (c != ',') refuse("',' or ']'");
    ++at_;
  }
  return true;
}

std::string_view JsonScanner::string() {
  if (peek() != '"') refuse("a string");
  const size_t begin = ++at_;
  for (; at_ < text_.size(); ++at_) {
    const char c = text_[at_];
    if (c == '"') return text_.substr(begin, at_++ - begin);
    if (c == '\\' || static_cast<unsigned char>(c) < 0x20) refuse("a string without escapes");
  }
  refuse("the end of a string (\")");
}

int64_t JsonScanner::integer() {
  const bool negative = peek() == '-';
  if (negative) ++at_;
  const size_t begin = at_;
  int64_t value = 0;
  for (; at_ < text_.size() && is_digit(text_[at_]); ++at_) {
    if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, text_[at_] - '0', &value)) {
      refuse("a whole number of 64 bits");
    }
  }
  if (at_ == begin || (text_[begin] == '0' && at_ > begin + 1)) refuse("a whole number");
  if (at_ < text_.size() && (text_[at_] == '.' || text_[at_] == 'e' || text_[at_] == 'E')) refuse("a whole number");
  return negative ? -value : value;
}

bool JsonScanner::boolean() {
  const bool value = peek() == 't';
  if (!value && peek() != 'f') refuse("true or false");
  literal(value ? "true" : "false");
  return value;
}

void JsonScanner::end() {
  if (peek() != 0 || at_ != text_.size()) refuse("the end of the line");
}

void JsonScanner::literal(std::string_view word) {
  if (text_.substr(at_, word.size()) != word) refuse("a value");
  at_ += word.size();
}

void JsonScanner::skip_value(int depth) {
  if (depth > kDeepest) refuse("fewer values within values");
  switch (peek()) {
    case '{':
      begin_object();
      for (std::string_view key; next_key(key);) skip_value(depth + 1);
      break;
    case '[':
      begin_array();
      while (next_element()) skip_value(depth + 1);
      break;
    case '"':
      skip_string();
      break;
    case 't':
      literal("true");
      break;
    case 'f':
      literal("false");
      break;
    case 'n':
      literal("null");
      break;
    default:
      skip_number();
  }
}

void JsonScanner::skip_string() {
  for (++at_; at_ < text_.size(); ++at_) {
    const char c = text_[at_];
    if (c == '"') {
      ++at_;
      return;
    }
    if (static_cast<unsigned char>(c) < 0x20) refuse("a string without control characters");
    if (c != '\\') continue;
    ++at_;
    if (at_ >= text_.size() || std::string_view("\"\\/bfnrtu").find(text_[at_]) == std::string_view::npos) {
      refuse("an escape of JSON");
    }
    if (text_[at_] != 'u') continue;
    const std::string_view code = text_.substr(at_ + 1, 4);
    if (code.size() < 4 || code.find_first_not_of("0123456789abcdefABCDEF") != std::string_view::npos) {
      refuse("four hexadecimal digits");
    }
    at_ += 4;
  }
  refuse("the end of a string (\")");
}

void JsonScanner::skip_number() {
  const auto digits = [&] {
    const size_t begin = at_;
    while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
    if (at_ == begin) refuse("a value");
  };
  const auto take = [&](std::string_view any) {
    if (at_ >= text_.size() || any.find(text_[at_]) == std::string_view::npos) return false;
    ++at_;
    return true;
  };
  take("-");
  digits();
  if (take(".")) digits();
  if (take("eE")) {
    take("+-");
    digits();
  }
}

}  // namespace quantick::market
