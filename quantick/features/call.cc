#include "quantick/features/call.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "quantick/market/text.h"

namespace quantick::features {
namespace {

constexpr int kDeepest = 16;  // calls within calls; more is a mistake, and the parser recurses

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Call parse() {
    Call call = parse_call(0);
    skip_blanks();
    if (at_ != text_.size()) refuse("the end");
    return call;
  }

 private:
  [[noreturn]] void refuse(std::string_view expected) const {
    const std::string was = at_ < text_.size() ? market::shown(text_.substr(at_)) : "the end";
    fail<ParseError>("[features] {}: at position {}: was {}, expected {}", market::shown(text_), at_ + 1, was,
                     expected);
  }

  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }

  bool take(char c) {
    skip_blanks();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  std::string word(std::string_view expected) {
    skip_blanks();
    const size_t begin = at_;
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 || text_[at_] == '_' ||
                                  text_[at_] == '.' || text_[at_] == '-')) {
      ++at_;
    }
    if (at_ == begin) refuse(expected);
    return std::string(text_.substr(begin, at_ - begin));
  }

  Call parse_call(int depth) {
    skip_blanks();
    const size_t begin = at_;
    Call call{.name = word("a feature's name")};
    if (take('(')) rest_of_call(call, depth);
    call.text = std::string(text_.substr(begin, at_ - begin));
    return call;
  }

  void rest_of_call(Call& call, int depth) {
    if (depth >= kDeepest) refuse("fewer calls within calls");
    if (take(')')) return;
    do {
      Argument argument;
      skip_blanks();
      const size_t begin = at_;
      std::string first = word("a number, a name or a feature");
      if (take('=')) {
        argument.key = std::move(first);
        argument.literal = word("a value");
      } else if (take('(')) {
        Call inner{.name = std::move(first)};
        rest_of_call(inner, depth + 1);
        inner.text = std::string(text_.substr(begin, at_ - begin));
        argument.call.push_back(std::move(inner));
      } else {
        argument.literal = std::move(first);
      }
      call.arguments.push_back(std::move(argument));
    } while (take(','));
    if (!take(')')) refuse("',' or ')'");
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

Call parse_call(std::string_view text) { return Parser(text).parse(); }

int64_t integer_argument(const Call& call, std::string_view parameter, const std::string& literal) {
  int64_t value = 0;
  const auto [end, status] = std::from_chars(literal.data(), literal.data() + literal.size(), value);
  QTK_CHECK(status == std::errc() && end == literal.data() + literal.size(), ValueError,
            "[features] {}: {}, was {}, expected a whole number", call.text, parameter, market::shown(literal));
  return value;
}

const std::string* argument_for(const Call& call, size_t position, std::string_view name) {
  for (size_t i = 0; i < call.arguments.size(); ++i) {
    const Argument& argument = call.arguments[i];
    if (argument.key.empty() ? i == position : argument.key == name) return &argument.literal;
  }
  return nullptr;
}

void check_arguments(const Call& call, const std::vector<std::string>& parameters) {
  std::string list;
  for (const auto& parameter : parameters) list += (list.empty() ? "" : ", ") + parameter;
  QTK_CHECK(call.arguments.size() <= parameters.size(), ValueError,
            "[features] {}: {} arguments, expected at most {} ({})", call.text, call.arguments.size(),
            parameters.size(), list);
  std::vector<std::string> given;
  for (size_t i = 0; i < call.arguments.size(); ++i) {
    const Argument& argument = call.arguments[i];
    QTK_CHECK(argument.call.empty(), ValueError, "[features] {}: argument {} is a feature, expected a value ({})",
              call.text, i + 1, list);
    const std::string key = argument.key.empty() ? parameters[i] : argument.key;
    QTK_CHECK(std::find(parameters.begin(), parameters.end(), key) != parameters.end(), ValueError,
              "[features] {}: parameter {}, expected one of: {}{}", call.text, market::shown(key), list,
              market::did_you_mean(key, parameters));
    QTK_CHECK(std::find(given.begin(), given.end(), key) == given.end(), ValueError,
              "[features] {}: {} is given twice, expected once", call.text, key);
    QTK_CHECK(!argument.key.empty() || i == 0 || call.arguments[i - 1].key.empty(), ValueError,
              "[features] {}: argument {} has no name but follows one that has, expected values first", call.text,
              i + 1);
    given.push_back(key);
  }
}

}  // namespace quantick::features
