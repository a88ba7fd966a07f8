#pragma once
// Errors. A caller's mistake is one of the typed exceptions below; its text names the thing, its value and what was
// expected, with the room in brackets: "[dense] weight columns, was 64, expected 32". A mistake of ours is an
// InvariantError. The library never prints, aborts or exits.
#include <fmt/core.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace quantick {

/// Base of everything this library throws on purpose.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};
/// An argument has the right type and a wrong value.
struct ValueError : Error {
  using Error::Error;
};
/// Shapes do not fit each other.
struct ShapeError : Error {
  using Error::Error;
};
/// A dtype or kind is not accepted here.
struct TypeError : Error {
  using Error::Error;
};
/// An index or key is outside its container.
struct IndexError : Error {
  using Error::Error;
};
/// The operating system refused a file.
struct IoError : Error {
  using Error::Error;
};
/// Text of a user (CSV, YAML, JSON) is wrong; the message carries file and line.
struct ParseError : Error {
  using Error::Error;
};
/// A binary file is truncated, altered or of another version.
struct FormatError : Error {
  using Error::Error;
};
/// Asked for something that this version, build or machine does not have.
struct UnsupportedError : Error {
  using Error::Error;
};
/// The user asked to stop (Ctrl-C).
struct InterruptedError : Error {
  using Error::Error;
};
/// A bug of ours.
struct InvariantError : Error {
  using Error::Error;
};

template <class E, class... Args>
[[noreturn]] void fail(fmt::format_string<Args...> text, Args&&... args) {
  throw E(fmt::format(text, std::forward<Args>(args)...));
}

}  // namespace quantick

/// Caller's error: QTK_CHECK(rows > 0, ValueError, "[dense] rows, was {}, expected > 0", rows);
#define QTK_CHECK(condition, ErrorType, ...)                \
  do {                                                      \
    if (!(condition)) [[unlikely]]                          \
      ::quantick::fail<::quantick::ErrorType>(__VA_ARGS__); \
  } while (false)

/// Our own error; always on, for things that cannot happen.
#define QTK_ASSERT(condition)                                                                                \
  do {                                                                                                       \
    if (!(condition)) [[unlikely]]                                                                           \
      ::quantick::fail<::quantick::InvariantError>("Invariant: {} ({}:{})", #condition, __FILE__, __LINE__); \
  } while (false)
