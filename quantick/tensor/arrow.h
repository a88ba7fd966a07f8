#pragma once
// Tables of other libraries by the Arrow C data interface, without linking one: pandas, polars, pyarrow, DuckDB and
// database drivers hand them out as a stream. Columns of numbers are looked at where they lie.
//
// What comes in is other people's memory behind bare pointers: counts, kinds and indices are checked, and what does not
// fit is refused. Whether a buffer is as long as it should be, the interface cannot tell.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "quantick/tensor/array.h"

// The structs of https://arrow.apache.org/docs/format/CDataInterface.html and CStreamInterface.html, which every
// library declares for itself.
#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE
#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4
extern "C" {
struct ArrowSchema {
  const char* format;
  const char* name;
  const char* metadata;
  int64_t flags;
  int64_t n_children;
  struct ArrowSchema** children;
  struct ArrowSchema* dictionary;
  void (*release)(struct ArrowSchema*);
  void* private_data;
};
struct ArrowArray {
  int64_t length;
  int64_t null_count;
  int64_t offset;
  int64_t n_buffers;
  int64_t n_children;
  const void** buffers;
  struct ArrowArray** children;
  struct ArrowArray* dictionary;
  void (*release)(struct ArrowArray*);
  void* private_data;
};
}
#endif
#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE
extern "C" {
struct ArrowArrayStream {
  int (*get_schema)(struct ArrowArrayStream*, struct ArrowSchema* out);
  int (*get_next)(struct ArrowArrayStream*, struct ArrowArray* out);
  const char* (*get_last_error)(struct ArrowArrayStream*);
  void (*release)(struct ArrowArrayStream*);
  void* private_data;
};
}
#endif

namespace quantick {

enum class ColumnKind : uint8_t { number, boolean, text, date, timestamp, time_of_day, empty, other };

/// Texts as numbers into a list of distinct ones, in the order of their first row.
struct TextCodes {
  std::vector<int32_t> codes;  ///< by row, -1: null
  std::vector<std::string> names;
};

/// Moments in whole seconds since 1970-01-01 00:00, of UTC where the column has a time zone, else of its own clock; of
/// times of day since midnight.
struct ColumnTimes {
  std::vector<int64_t> seconds;               ///< rounded down
  std::optional<int64_t> first_below_second;  ///< the first row with a part below a second
};

/// One column, in as many chunks as it came. Immutable, cheap to copy, safe to share between threads.
class ArrowColumn {
 public:
  struct Chunk {
    std::shared_ptr<const ArrowArray> array;
    int64_t begin = 0;  ///< first row within `array`, its offset not counted
    int64_t length = 0;
  };

  /// Throws FormatError for a schema or chunks that break the interface's rules.
  ArrowColumn(std::shared_ptr<const ArrowSchema> schema, std::vector<Chunk> chunks);
  /// A contiguous vector of numbers or booleans; shares its memory (booleans: one bit each, a copy). Throws ShapeError
  /// for more dimensions than one.
  static ArrowColumn from_array(std::string name, const Array& values);
  static ArrowColumn from_texts(std::string name, const std::vector<std::optional<std::string>>& texts);
  /// Days since 1970-01-01.
  static ArrowColumn from_days(std::string name, const std::vector<int32_t>& days);
  /// int64 in `unit` (s, ms, us or ns) since 1970-01-01, of UTC where `time_zone` is not empty; shares the memory.
  static ArrowColumn from_times(std::string name, const Array& values, std::string_view unit,
                                std::string_view time_zone = "");

  const std::string& name() const { return name_; }
  ArrowColumn renamed(std::string name) const;
  ColumnKind kind() const { return kind_; }
  /// As people say it: "float64", "dictionary of text", "timestamp[us, UTC]", "list".
  const std::string& type_name() const { return type_name_; }
  /// Of a timestamp; "" where it has none.
  const std::string& time_zone() const { return time_zone_; }
  int64_t size() const { return size_; }
  int64_t null_count() const;
  const std::vector<Chunk>& chunks() const { return chunks_; }
  const ArrowSchema& schema() const { return *schema_; }

  /// Numbers and booleans. Without a copy, and read-only, where the column is one chunk without nulls of a dtype that
  /// arrays have; float16, uint16, uint32 and uint64 are widened, decimals become the nearest float64. Nulls become NaN
  /// in columns of floats and decimals and are refused in others. Throws TypeError for other kinds, ValueError for
  /// nulls and values beyond int64, with column and row.
  Array values() const;
  /// values(), or where numbers have nulls, float64 with NaN in their place. Nulls among booleans are refused.
  Array values_with_gaps() const;
  /// Texts, in a dictionary or not. Throws TypeError for other kinds.
  TextCodes texts() const;
  /// Dates, timestamps and times of day. Throws TypeError for other kinds, ValueError for nulls.
  ColumnTimes times() const;

 private:
  Array copied_values(DType dtype) const;

  std::shared_ptr<const ArrowSchema> schema_;
  std::vector<Chunk> chunks_;
  std::string name_, format_, type_name_, time_zone_;
  ColumnKind kind_ = ColumnKind::other;
  int64_t size_ = 0;
};

/// Columns of one length.
class ArrowTable {
 public:
  ArrowTable() = default;
  /// Throws ShapeError for lengths that differ, ValueError for two columns of one name.
  explicit ArrowTable(std::vector<ArrowColumn> columns);

  /// Takes over and reads to its end a stream of tables, or of one column, which becomes a table of it. The stream is
  /// released in any case, each array once no column needs it any more. Throws FormatError, with the source's own text
  /// where it failed.
  static ArrowTable read(ArrowArrayStream& stream);
  /// The same of one array; takes both over.
  static ArrowTable read(ArrowSchema& schema, ArrowArray& array);

  int64_t rows() const { return rows_; }
  const std::vector<ArrowColumn>& columns() const { return columns_; }
  std::vector<std::string> names() const;
  /// Throws IndexError that names the nearest.
  const ArrowColumn& column(std::string_view name) const;

  /// Fills `out` with a stream of this table: no copy, a batch wherever a chunk of some column ends.
  void write(ArrowArrayStream& out) const;

 private:
  std::vector<ArrowColumn> columns_;
  int64_t rows_ = 0;
};

}  // namespace quantick
