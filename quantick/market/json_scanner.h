#pragma once
// Walks over JSON text once, front to back, without building anything: for files of many small messages.
#include <cstdint>
#include <string_view>

namespace quantick::market {

/// What is wrong with a text, and at which byte (from 0).
struct JsonError {
  size_t at = 0;
  std::string_view expected;
};

/// Every call throws JsonError where the text holds something else. Strings that are asked for must be plain (no
/// backslash); those passed over may hold anything that JSON allows.
///
///   scanner.begin_object();
///   for (std::string_view key; scanner.next_key(key);) key == "p" ? use(scanner.string()) : scanner.skip();
///   scanner.end();
class JsonScanner {
 public:
  explicit JsonScanner(std::string_view text) : text_(text) {}

  void begin_object() { begin('{', "an object ({...})"); }
  void begin_array() { begin('[', "an array ([...])"); }
  /// Moves to the next member and reads its key; false at the object's end.
  bool next_key(std::string_view& key);
  /// Moves to the next element; false at the array's end.
  bool next_element();

  std::string_view string();
  int64_t integer();
  bool boolean();
  void skip() { skip_value(0); }
  /// Nothing but blanks may follow.
  void end();

  /// The first byte of the next value, 0 at the end of the text.
  char peek();
  size_t at() const { return at_; }

 private:
  [[noreturn]] void refuse(std::string_view expected) const;
  void begin(char bracket, std::string_view expected);
  void literal(std::string_view word);
  void skip_value(int depth);
  void skip_string();
  void skip_number();

  std::string_view text_;
  size_t at_ = 0;
  bool first_ = true;  // no comma ahead of the next member or element
};

}  // namespace quantick::market
