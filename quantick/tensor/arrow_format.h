#pragma once
// Arrow's format strings, and the checks of what stands behind a pointer before anything is read through it.
#include <cstddef>
#include <string>
#include <string_view>

#include "quantick/tensor/arrow.h"

namespace quantick {

/// What a format string means.
struct ArrowFormat {
  ColumnKind kind = ColumnKind::other;
  std::string name;        ///< "uint16"
  std::string time_zone;   ///< of a timestamp
  int64_t per_second = 0;  ///< of what tells times; 0: days
  int64_t buffers = 0;     ///< that an array of this kind has at least; 0: kinds that are not read
  int64_t width = 0;       ///< bytes per value of the second buffer, 0: bits, or offsets
  int scale = 0;           ///< of a decimal: its values are whole numbers times 10^-scale
};

/// Never fails: kinds that are not read come back as ColumnKind::other with their name.
ArrowFormat parse_arrow_format(std::string_view format);

/// Throws FormatError that names the column where the schema, or one within it, points nowhere.
void check_arrow_schema(const std::string& column, const ArrowSchema& schema);

/// Throws FormatError that names the column where counts, buffers, children or the dictionary do not fit the schema,
/// which was checked before.
void check_arrow_array(const std::string& column, const ArrowSchema& schema, const ArrowArray& array);

/// Whether a bitmap says that a row is there; a null bitmap says so of all.
inline bool arrow_bit(const void* bits, int64_t i) {
  return bits == nullptr || (static_cast<const uint8_t*>(bits)[i / 8] >> (i % 8) & 1) != 0;
}

/// The float64 nearest to a decimal: a whole number of 4, 8, 16 or 32 bytes in two's complement, times 10^-scale.
double arrow_decimal(const std::byte* at, int64_t width, int scale);

/// A text, by the array's format (u, U or vu); `i` counts the array's offset in. Throws FormatError for offsets that
/// fall or lie outside.
std::string_view arrow_text(const std::string& column, std::string_view format, const ArrowArray& array, int64_t i);

}  // namespace quantick
