#include "quantick/tensor/arrow_format.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <span>

#include "quantick/core/error.h"

namespace quantick {
namespace {

struct SimpleFormat {
  std::string_view format, name;
  ColumnKind kind;
  int64_t buffers, width;
};

constexpr std::array<SimpleFormat, 25> kSimple{{
    {"n", "null", ColumnKind::empty, 0, 0},
    {"b", "bool", ColumnKind::boolean, 2, 0},
    {"c", "int8", ColumnKind::number, 2, 1},
    {"C", "uint8", ColumnKind::number, 2, 1},
    {"s", "int16", ColumnKind::number, 2, 2},
    {"S", "uint16", ColumnKind::number, 2, 2},
    {"i", "int32", ColumnKind::number, 2, 4},
    {"I", "uint32", ColumnKind::number, 2, 4},
    {"l", "int64", ColumnKind::number, 2, 8},
    {"L", "uint64", ColumnKind::number, 2, 8},
    {"e", "float16", ColumnKind::number, 2, 2},
    {"f", "float32", ColumnKind::number, 2, 4},
    {"g", "float64", ColumnKind::number, 2, 8},
    {"u", "text", ColumnKind::text, 3, 0},
    {"U", "text", ColumnKind::text, 3, 0},
    {"vu", "text", ColumnKind::text, 3, 16},
    {"z", "binary", ColumnKind::other, 0, 0},
    {"Z", "binary", ColumnKind::other, 0, 0},
    {"vz", "binary", ColumnKind::other, 0, 0},
    {"tdD", "date", ColumnKind::date, 2, 4},
    {"tdm", "date in milliseconds", ColumnKind::date, 2, 8},
    {"tts", "time of day", ColumnKind::time_of_day, 2, 4},
    {"ttm", "time of day", ColumnKind::time_of_day, 2, 4},
    {"ttu", "time of day", ColumnKind::time_of_day, 2, 8},
    {"ttn", "time of day", ColumnKind::time_of_day, 2, 8},
}};

/// Kinds that are named by how their format begins; the first that fits.
constexpr std::array<std::pair<std::string_view, std::string_view>, 11> kOther{{{"d:", "decimal of unknown form"},
                                                                                {"w:", "fixed-size binary"},
                                                                                {"tD", "duration"},
                                                                                {"ti", "interval"},
                                                                                {"+s", "struct"},
                                                                                {"+m", "map"},
                                                                                {"+u", "union"},
                                                                                {"+r", "run-end encoded"},
                                                                                {"+l", "list"},
                                                                                {"+L", "list"},
                                                                                {"+", "list"}}};

/// Of a decimal: 32 bytes have up to 77 digits, so every value within stays far inside float64's range.
constexpr int kMostScale = 200;

constexpr std::string_view kUnits = "smun";
constexpr std::array<int64_t, 4> kPerSecond{1, 1'000, 1'000'000, 1'000'000'000};

/// ts{s,m,u,n}:zone
bool parse_timestamp(std::string_view format, ArrowFormat& out) {
  if (format.size() < 4 || format.substr(0, 2) != "ts" || format[3] != ':') return false;
  constexpr std::array kNames{"s", "ms", "us", "ns"};
  const size_t unit = kUnits.find(format[2]);
  if (unit == std::string_view::npos) return false;
  out.kind = ColumnKind::timestamp;
  out.buffers = 2;
  out.width = 8;
  out.per_second = kPerSecond[unit];
  out.time_zone = format.substr(4);
  out.name = fmt::format("timestamp[{}{}{}]", kNames[unit], out.time_zone.empty() ? "" : ", ", out.time_zone);
  return true;
}

/// d:precision,scale[,bits]
bool parse_decimal(std::string_view format, ArrowFormat& out) {
  if (format.substr(0, 2) != "d:") return false;
  std::array<int, 3> parts{0, 0, 128};
  size_t count = 0;
  for (const char *at = format.data() + 2, *end = format.data() + format.size(); count < parts.size(); ++at) {
    const auto [behind, error] = std::from_chars(at, end, parts[count]);
    if (error != std::errc{}) return false;
    ++count;
    at = behind;
    if (at == end) break;
    if (*at != ',' || count == parts.size()) return false;
  }
  const auto [precision, scale, bits] = parts;
  const bool known = bits == 32 || bits == 64 || bits == 128 || bits == 256;
  if (count < 2 || !known || precision < 1 || std::abs(scale) > kMostScale) return false;
  out = {.kind = ColumnKind::number, .name = "decimal", .buffers = 2, .width = bits / 8, .scale = scale};
  return true;
}

[[noreturn]] void refuse(const std::string& column, std::string_view what) {
  fail<FormatError>("[arrow] column \"{}\": {}", column, what);
}

/// 10^0 to 10^22, all of which float64 has exactly.
constexpr std::array kPowers{1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                             1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/// What lies behind an offset may be more than memory; this keeps sums inside 64 bits.
constexpr int64_t kMostRows = std::numeric_limits<int64_t>::max() / 64;

}  // namespace

ArrowFormat parse_arrow_format(std::string_view format) {
  ArrowFormat out;
  for (const SimpleFormat& known : kSimple) {
    if (known.format != format) continue;
    out = {.kind = known.kind, .name = std::string(known.name), .buffers = known.buffers};
    if (format == "tdm" || known.kind == ColumnKind::time_of_day) out.per_second = kPerSecond[kUnits.find(format[2])];
    out.width = known.width;
    return out;
  }
  if (parse_timestamp(format, out) || parse_decimal(format, out)) return out;
  out.name = fmt::format("of unknown format \"{}\"", format);
  for (const auto& [begin, name] : kOther) {
    if (format.substr(0, begin.size()) != begin) continue;
    out.name = name;
    break;
  }
  return out;
}

void check_arrow_schema(const std::string& column, const ArrowSchema& schema) {
  if (schema.format == nullptr) refuse(column, "a schema without format");
  if (schema.n_children < 0 || (schema.n_children > 0 && schema.children == nullptr))
    refuse(column, fmt::format("a schema of {} children", schema.n_children));
  for (int64_t c = 0; c < schema.n_children; ++c) {
    if (schema.children[c] == nullptr) refuse(column, "a null pointer for a child's schema");
    check_arrow_schema(column, *schema.children[c]);
  }
  if (schema.dictionary != nullptr) check_arrow_schema(column, *schema.dictionary);
}

void check_arrow_array(const std::string& column, const ArrowSchema& schema, const ArrowArray& array) {
  if (array.release == nullptr) refuse(column, "an array that was released already");
  if (array.length < 0 || array.offset < 0 || array.length > kMostRows || array.offset > kMostRows)
    refuse(column, fmt::format("length {} and offset {}, expected 0 or more", array.length, array.offset));
  if (array.null_count < -1 || array.null_count > array.length)
    refuse(column, fmt::format("{} nulls in {} rows", array.null_count, array.length));
  if ((schema.dictionary != nullptr) != (array.dictionary != nullptr))
    refuse(column, "a dictionary in only one of schema and array");
  if (array.n_children != schema.n_children || (array.n_children > 0 && array.children == nullptr))
    refuse(column, fmt::format("{} children, expected {}", array.n_children, schema.n_children));
  for (int64_t c = 0; c < array.n_children; ++c) {
    if (array.children[c] == nullptr) refuse(column, "a null pointer for a child");
    check_arrow_array(column, *schema.children[c], *array.children[c]);
  }
  if (array.n_buffers < 0 || (array.n_buffers > 0 && array.buffers == nullptr)) refuse(column, "no buffers");
  if (array.dictionary != nullptr) check_arrow_array(column, *schema.dictionary, *array.dictionary);
  const ArrowFormat format = parse_arrow_format(schema.format);
  if (format.kind == ColumnKind::other || format.kind == ColumnKind::empty) return;
  const bool view = std::string_view(schema.format) == "vu";
  if (view ? array.n_buffers < format.buffers : array.n_buffers != format.buffers)
    refuse(column, fmt::format("{} buffers of a {} array, expected {}", array.n_buffers, format.name, format.buffers));
  if (array.length > 0 && array.buffers[1] == nullptr) refuse(column, "a null pointer for its values");
  if (array.null_count > 0 && array.buffers[0] == nullptr) refuse(column, "nulls, and no bitmap that tells which");
  if (array.dictionary == nullptr) return;
  if (schema.dictionary->dictionary != nullptr) refuse(column, "a dictionary of dictionaries");
  if (format.kind != ColumnKind::number || format.name.find("int") == std::string::npos)
    refuse(column, fmt::format("dictionary codes of {}, expected integers", format.name));
}

double arrow_decimal(const std::byte* at, int64_t width, int scale) {
  std::array<uint32_t, 8> limbs{};  // lowest first
  std::memcpy(limbs.data(), at, static_cast<size_t>(width));
  const auto used = std::span(limbs).first(static_cast<size_t>(width) / sizeof(uint32_t));
  const bool negative = used.back() >> 31 != 0;
  if (negative) {
    uint64_t carry = 1;
    for (uint32_t& limb : used) {
      carry += static_cast<uint32_t>(~limb);
      limb = static_cast<uint32_t>(carry);
      carry >>= 32;
    }
  }
  const bool short_number = std::all_of(limbs.begin() + 2, limbs.end(), [](uint32_t limb) { return limb == 0; });
  const uint64_t low = limbs[0] | static_cast<uint64_t>(limbs[1]) << 32;
  double value = 0;
  if (short_number && low <= uint64_t{1} << 53 && scale >= 0 && static_cast<size_t>(scale) < kPowers.size()) {
    value = static_cast<double>(low) / kPowers[static_cast<size_t>(scale)];  // both exact: rounded once
  } else {
    std::array<char, 96> text;  // up to 81 digits, then the exponent
    char* const digits_end = text.data() + 81;
    char* const last = fmt::format_to(digits_end, "e{}", -scale);
    char* first = digits_end;
    constexpr uint32_t kChunk = 1'000'000'000;
    while (std::any_of(used.begin(), used.end(), [](uint32_t limb) { return limb != 0; })) {
      uint64_t rest = 0;
      for (auto limb = used.rbegin(); limb != used.rend(); ++limb) {
        rest = rest << 32 | *limb;
        *limb = static_cast<uint32_t>(rest / kChunk);
        rest %= kChunk;
      }
      for (int digit = 0; digit < 9; ++digit, rest /= 10) *--first = static_cast<char>('0' + rest % 10);
    }
    if (first == digits_end) return 0;
    std::from_chars(first, last, value);
  }
  return negative ? -value : value;
}

std::string_view arrow_text(const std::string& column, std::string_view format, const ArrowArray& array, int64_t i) {
  const auto plain = [&](auto zero) {
    using Offset = decltype(zero);
    const auto* offsets = static_cast<const Offset*>(array.buffers[1]);
    const Offset begin = offsets[i], end = offsets[i + 1];
    if (begin < 0 || end < begin) refuse(column, fmt::format("text offsets {} and {}, expected ascent", begin, end));
    if (begin == end) return std::string_view();
    if (array.buffers[2] == nullptr) refuse(column, "a null pointer for its texts");
    return std::string_view(static_cast<const char*>(array.buffers[2]) + begin, static_cast<size_t>(end - begin));
  };
  if (format == "u") return plain(int32_t{});
  if (format == "U") return plain(int64_t{});
  // 16 bytes: a length, then up to 12 bytes of text, or 4 bytes of it, a buffer's number and an offset.
  constexpr int32_t kInline = 12;
  const char* const view = static_cast<const char*>(array.buffers[1]) + i * 16;
  int32_t length = 0, buffer = 0, offset = 0;
  std::memcpy(&length, view, 4);
  if (length < 0) refuse(column, fmt::format("a text of {} bytes", length));
  if (length <= kInline) return {view + 4, static_cast<size_t>(length)};
  std::memcpy(&buffer, view + 8, 4);
  std::memcpy(&offset, view + 12, 4);
  const int64_t buffers = array.n_buffers - 3;
  const auto* sizes = static_cast<const int64_t*>(array.buffers[array.n_buffers - 1]);
  if (buffer < 0 || buffer >= buffers || sizes == nullptr)
    refuse(column, fmt::format("a text in buffer {}, expected 0 to {}", buffer, buffers - 1));
  const auto* text = static_cast<const char*>(array.buffers[2 + buffer]);
  if (offset < 0 || static_cast<int64_t>(offset) + length > sizes[buffer] || text == nullptr)
    refuse(column, fmt::format("a text at {} of {} bytes in a buffer of {}", offset, length, sizes[buffer]));
  return {text + offset, static_cast<size_t>(length)};
}

}  // namespace quantick
