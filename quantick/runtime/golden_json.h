#pragma once
// What readers and writers of golden-vector files share. For .cc files only: nlohmann/json.hpp is slow to parse.
#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <type_traits>
#include <vector>

#include "quantick/core/error.h"
#include "quantick/runtime/golden_case.h"

namespace quantick::runtime::golden_json {

using nlohmann::json;

/// A case that is well formed and asks for what this version does not run.
struct Refused {
  std::string reason;
};

/// A JSON object with the words that errors need.
struct Object {
  const json& node;
  std::string where;  // "golden.json, case 3 (lstm)"

  const json& at(const char* field) const {
    QTK_CHECK(node.is_object(), ParseError, "[golden] {}: was {}, expected an object", where, node.type_name());
    const auto found = node.find(field);
    QTK_CHECK(found != node.end(), ParseError, "[golden] {}: field \"{}\" is missing", where, field);
    return *found;
  }

  int64_t integer(const json& value, const char* field) const {
    const bool fits = value.is_number_integer() &&
                      !(value.is_number_unsigned() &&
                        value.get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()));
    QTK_CHECK(fits, ParseError, "[golden] {}: field \"{}\" has {}, expected an integer", where, field,
              value.is_array() ? "an array" : value.dump());
    return value.get<int64_t>();
  }

  int64_t integer(const char* field, int64_t low, int64_t high) const {
    const int64_t v = integer(at(field), field);
    QTK_CHECK(v >= low && v <= high, ParseError, "[golden] {}: field \"{}\" was {}, expected within [{}, {}]", where,
              field, v, low, high);
    return v;
  }

  double number(const char* field) const {
    const json& v = at(field);
    QTK_CHECK(v.is_number(), ParseError, "[golden] {}: field \"{}\" was {}, expected a number", where, field, v.dump());
    return v.get<double>();
  }

  const json& array(const char* field) const {
    const json& v = at(field);
    QTK_CHECK(v.is_array() && !v.empty(), ParseError, "[golden] {}: field \"{}\" was {}, expected a non-empty array",
              where, field, v.is_array() ? "empty" : v.type_name());
    return v;
  }

  /// One axis; `size` < 0 takes any. Throws Refused for values that the type T of our kernels does not hold.
  template <class T>
  std::vector<T> list(const json& values, const char* field, int64_t size, int64_t low = std::numeric_limits<T>::min(),
                      int64_t high = std::numeric_limits<T>::max()) const {
    QTK_CHECK(values.is_array(), ParseError, "[golden] {}: field \"{}\" has {}, expected an array", where, field,
              values.dump().substr(0, 40));
    QTK_CHECK(size < 0 || values.size() == static_cast<size_t>(size), ParseError,
              "[golden] {}: field \"{}\" has {} values, expected {}", where, field, values.size(), size);
    std::vector<T> out;
    out.reserve(values.size());
    for (const json& value : values) {
      const int64_t v = integer(value, field);
      if (v < low || v > high) throw Refused{fmt::format("field \"{}\" has {}, outside [{}, {}]", field, v, low, high)};
      out.push_back(static_cast<T>(v));
    }
    return out;
  }

  template <class T>
  std::vector<T> list(const char* field, int64_t size) const {
    return list<T>(array(field), field, size);
  }

  /// Two axes; returns the flat values. rows or cols < 0 take any size and are set.
  template <class T>
  std::vector<T> matrix(const char* field, int64_t& rows, int64_t& cols) const {
    const json& values = array(field);
    QTK_CHECK(rows < 0 || values.size() == static_cast<size_t>(rows), ParseError,
              "[golden] {}: field \"{}\" has {} rows, expected {}", where, field, values.size(), rows);
    rows = static_cast<int64_t>(values.size());
    std::vector<T> out;
    for (const json& row : values) {
      const std::vector<T> line = list<T>(row, field, cols);
      QTK_CHECK(!line.empty(), ParseError, "[golden] {}: field \"{}\" has an empty row", where, field);
      cols = static_cast<int64_t>(line.size());
      out.insert(out.end(), line.begin(), line.end());
    }
    return out;
  }

  /// Results: what our types do not hold is then a fault of the file, not of this version.
  template <class T>
  std::vector<T> results(const char* field, int64_t rows, int64_t cols) const {
    try {
      return rows < 0 ? list<T>(field, cols) : matrix<T>(field, rows, cols);
    } catch (const Refused& refused) {
      fail<ParseError>("[golden] {}: {}", where, refused.reason);
    }
  }

  /// float32 stored as its bits.
  std::vector<float> floats(const std::vector<uint32_t>& bits, const char* field) const {
    std::vector<float> out;
    for (uint32_t b : bits) {
      out.push_back(std::bit_cast<float>(b));
      QTK_CHECK(std::isfinite(out.back()), ParseError,
                "[golden] {}: field \"{}\" has the bits {}, not a finite float32", where, field, b);
    }
    return out;
  }

  /// One scale, or one for each.
  std::vector<float> scales(const char* field, int64_t size) const {
    const json& values = at(field);
    const bool single = !values.is_array() || values.size() == 1;
    auto out =
        floats(list<uint32_t>(values.is_array() ? values : json::array({values}), field, single ? 1 : size), field);
    if (single) out.assign(size, out.front());
    return out;
  }
};

inline constexpr int64_t kAny = -1;

template <class T>
inline json bits_of(const std::vector<T>& values) {
  json out = json::array();
  for (T v : values)
    if constexpr (std::is_same_v<T, float>)
      out.push_back(std::bit_cast<uint32_t>(v));
    else
      out.push_back(static_cast<int64_t>(v));
  return out;
}

template <class T>
inline json rows_of(const std::vector<T>& values, int64_t cols) {
  json out = json::array();
  for (size_t i = 0; i < values.size(); i += cols)
    out.push_back(bits_of(std::vector<T>(values.begin() + i, values.begin() + i + cols)));
  return out;
}

/// Cases of kind "operator" (golden_operator_json.cc).
GoldenOperator read_operator(const Object& o);
json operator_json(const GoldenOperator& op);

}  // namespace quantick::runtime::golden_json
