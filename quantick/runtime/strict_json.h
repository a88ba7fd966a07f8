#pragma once
// Reading JSON of foreign files: each helper checks what it takes and throws FormatError. For .cc files only.
#include <cmath>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "quantick/core/error.h"

namespace quantick::runtime::strict_json {

using nlohmann::json;

/// Parses a whole text and refuses objects that name a key twice.
inline json parse(std::string_view text, std::string_view what) {
  std::vector<std::set<std::string>> open;
  bool duplicate = false;
  const auto watch = [&](int, json::parse_event_t event, json& value) {
    if (event == json::parse_event_t::object_start) open.emplace_back();
    if (event == json::parse_event_t::object_end) open.pop_back();
    if (event == json::parse_event_t::key) duplicate |= !open.back().insert(value.get<std::string>()).second;
    return true;
  };
  json out;
  try {
    out = json::parse(text, watch);
  } catch (const json::exception& error) {
    fail<FormatError>("[model file] {}: {}", what, error.what());
  }
  QTK_CHECK(!duplicate, FormatError, "[model file] {}: a key stands twice in one object", what);
  return out;
}

/// A member; `fields` are all the keys the object may have.
inline const json& member(const json& object, const char* key) {
  QTK_CHECK(object.is_object() && object.contains(key), FormatError, "[model file] \"{}\" is missing", key);
  return object[key];
}

inline void check_keys(const json& object, std::initializer_list<std::string_view> keys, std::string_view what) {
  QTK_CHECK(object.is_object(), FormatError, "[model file] {} is not an object", what);
  for (const auto& [key, value] : object.items()) {
    bool known = false;
    for (const std::string_view k : keys) known |= k == key;
    QTK_CHECK(known, FormatError, "[model file] {} has an unknown key \"{}\"", what, key);
  }
}

inline const json& array(const json& value, std::string_view what) {
  QTK_CHECK(value.is_array(), FormatError, "[model file] {} is not a list", what);
  return value;
}

inline std::string text(const json& value, std::string_view what) {
  QTK_CHECK(value.is_string(), FormatError, "[model file] {} is not a text", what);
  return value.get<std::string>();
}

inline bool boolean(const json& value, std::string_view what) {
  QTK_CHECK(value.is_boolean(), FormatError, "[model file] {} is not true or false", what);
  return value.get<bool>();
}

inline int64_t integer(const json& value, std::string_view what, int64_t low = std::numeric_limits<int64_t>::min(),
                       int64_t high = std::numeric_limits<int64_t>::max()) {
  const bool fits = value.is_number_integer() &&
                    (!value.is_number_unsigned() ||
                     value.get<uint64_t>() <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max()));
  QTK_CHECK(fits, FormatError, "[model file] {} is not an integer", what);
  const auto number = value.get<int64_t>();
  QTK_CHECK(number >= low && number <= high, FormatError, "[model file] {}, was {}, expected {}..{}", what, number, low,
            high);
  return number;
}

/// A number that float32 holds exactly, as it was written from one.
inline float float32(const json& value, std::string_view what) {
  QTK_CHECK(value.is_number(), FormatError, "[model file] {} is not a number", what);
  const auto number = value.get<double>();
  QTK_CHECK(std::fabs(number) <= static_cast<double>(std::numeric_limits<float>::max()) &&
                static_cast<double>(static_cast<float>(number)) == number,
            FormatError, "[model file] {}, was {}, expected a float32", what, number);
  return static_cast<float>(number);
}

}  // namespace quantick::runtime::strict_json
