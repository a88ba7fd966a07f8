#include "quantick/tensor/arrow.h"

#include <fmt/format.h>

#include <cstring>
#include <limits>
#include <unordered_map>
#include <unordered_set>

#include "quantick/core/error.h"
#include "quantick/core/fields.h"
#include "quantick/core/float16.h"
#include "quantick/tensor/arrow_format.h"

namespace quantick {
namespace {

constexpr int64_t kSecondsPerDay = 86400;

std::string name_of(const ArrowSchema& schema) { return schema.name == nullptr ? "" : schema.name; }

/// Calls visit with a value of the C type behind a format of numbers.
template <class Visit>
decltype(auto) visit_number(char format, Visit&& visit) {
  switch (format) {
    case 'c':
      return visit(int8_t{});
    case 'C':
      return visit(uint8_t{});
    case 's':
      return visit(int16_t{});
    case 'S':
      return visit(uint16_t{});
    case 'i':
      return visit(int32_t{});
    case 'I':
      return visit(uint32_t{});
    case 'l':
      return visit(int64_t{});
    case 'L':
      return visit(uint64_t{});
    case 'f':
      return visit(float{});
    default:
      return visit(double{});
  }
}

/// dtype of the array that a format becomes, and whether its memory can be looked at as it lies.
std::pair<DType, bool> dtype_of_format(char format) {
  switch (format) {
    case 'b':
      return {DType::boolean, false};
    case 'd':
      return {DType::f64, false};
    case 'e':
      return {DType::f32, false};
    case 'S':
      return {DType::i32, false};
    case 'I':
    case 'L':
      return {DType::i64, false};
    case 'c':
      return {DType::i8, true};
    case 'C':
      return {DType::u8, true};
    case 's':
      return {DType::i16, true};
    case 'i':
      return {DType::i32, true};
    case 'l':
      return {DType::i64, true};
    case 'f':
      return {DType::f32, true};
    default:
      return {DType::f64, true};
  }
}

bool has_row(const ArrowArray& array, int64_t i) { return array.n_buffers == 0 || arrow_bit(array.buffers[0], i); }

/// Calls visit(row of the column, place in the array with its offset) for every row.
template <class Visit>
void for_each_row(const std::vector<ArrowColumn::Chunk>& chunks, Visit&& visit) {
  int64_t row = 0;
  for (const auto& chunk : chunks) {
    const int64_t first = chunk.array->offset + chunk.begin;
    for (int64_t i = 0; i < chunk.length; ++i, ++row) visit(*chunk.array, row, first + i);
  }
}

int64_t floor_divided(int64_t value, int64_t by) {
  const int64_t quotient = value / by;
  return quotient * by > value ? quotient - 1 : quotient;
}

/// Where a struct array stands for a table, and hands out its columns' chunks.
void append_children(const ArrowSchema& schema, const std::shared_ptr<const ArrowArray>& array,
                     std::vector<std::vector<ArrowColumn::Chunk>>& chunks) {
  QTK_CHECK(array->length >= 0 && array->offset >= 0, FormatError, "[arrow] batch of length {} at offset {}",
            array->length, array->offset);
  QTK_CHECK(array->n_children == schema.n_children && (array->children != nullptr || schema.n_children == 0),
            FormatError, "[arrow] batch of {} columns, expected {}", array->n_children, schema.n_children);
  if (array->n_buffers > 0 && array->buffers != nullptr && array->buffers[0] != nullptr && array->null_count != 0)
    for (int64_t i = 0; i < array->length; ++i)
      QTK_CHECK(arrow_bit(array->buffers[0], array->offset + i), ValueError,
                "[arrow] row {} of a batch is null as a whole", i);
  for (int64_t c = 0; c < schema.n_children; ++c) {
    const ArrowArray* child = array->children[c];
    QTK_CHECK(child != nullptr, FormatError, "[arrow] column {}: a null pointer for its array", c);
    QTK_CHECK(child->length >= 0 && array->length <= child->length && array->offset <= child->length - array->length,
              FormatError, "[arrow] column {}: {} rows, expected {} from {} on", c, child->length, array->length,
              array->offset);
    chunks[static_cast<size_t>(c)].push_back(
        {std::shared_ptr<const ArrowArray>(array, child), array->offset, array->length});
  }
}

std::shared_ptr<const ArrowSchema> taken(ArrowSchema& schema) {
  QTK_CHECK(schema.release != nullptr, FormatError, "[arrow] a schema that was released already");
  auto* moved = new ArrowSchema(schema);
  schema.release = nullptr;
  return {moved, [](ArrowSchema* kept) {
            if (kept->release != nullptr) kept->release(kept);
            delete kept;
          }};
}

std::shared_ptr<const ArrowArray> taken(ArrowArray& array) {
  QTK_CHECK(array.release != nullptr, FormatError, "[arrow] an array that was released already");
  auto* moved = new ArrowArray(array);
  array.release = nullptr;
  return {moved, [](ArrowArray* kept) {
            if (kept->release != nullptr) kept->release(kept);
            delete kept;
          }};
}

/// A table of batches, or of one column.
ArrowTable assembled(const std::shared_ptr<const ArrowSchema>& schema,
                     const std::vector<std::shared_ptr<const ArrowArray>>& arrays) {
  QTK_CHECK(schema->format != nullptr, FormatError, "[arrow] a schema without format");
  if (std::string_view(schema->format) != "+s") {
    std::vector<ArrowColumn::Chunk> chunks;
    for (const auto& array : arrays) chunks.push_back({array, 0, array->length});
    return ArrowTable({ArrowColumn(schema, std::move(chunks))});
  }
  QTK_CHECK(schema->n_children >= 0 && (schema->children != nullptr || schema->n_children == 0), FormatError,
            "[arrow] a schema of {} columns", schema->n_children);
  std::vector<std::vector<ArrowColumn::Chunk>> chunks(static_cast<size_t>(schema->n_children));
  for (const auto& array : arrays) append_children(*schema, array, chunks);
  std::vector<ArrowColumn> columns;
  for (int64_t c = 0; c < schema->n_children; ++c) {
    QTK_CHECK(schema->children[c] != nullptr, FormatError, "[arrow] column {}: a null pointer for its schema", c);
    columns.emplace_back(std::shared_ptr<const ArrowSchema>(schema, schema->children[c]),
                         std::move(chunks[static_cast<size_t>(c)]));
  }
  return ArrowTable(std::move(columns));
}

}  // namespace

ArrowColumn::ArrowColumn(std::shared_ptr<const ArrowSchema> schema, std::vector<Chunk> chunks)
    : schema_(std::move(schema)), name_(name_of(*schema_)) {
  check_arrow_schema(name_, *schema_);
  format_ = schema_->format;
  const ArrowFormat format = parse_arrow_format(format_);
  kind_ = format.kind;
  type_name_ = format.name;
  time_zone_ = format.time_zone;
  if (schema_->dictionary != nullptr) {
    const ArrowFormat values = parse_arrow_format(schema_->dictionary->format);
    kind_ = values.kind == ColumnKind::text ? ColumnKind::text : ColumnKind::other;
    type_name_ = "dictionary of " + values.name;
  }
  for (Chunk& chunk : chunks) {
    check_arrow_array(name_, *schema_, *chunk.array);
    QTK_CHECK(chunk.begin >= 0 && chunk.length >= 0 && chunk.begin <= chunk.array->length - chunk.length, FormatError,
              "[arrow] column \"{}\": rows {} to {} of {}", name_, chunk.begin, chunk.begin + chunk.length,
              chunk.array->length);
    QTK_CHECK(!__builtin_add_overflow(size_, chunk.length, &size_), FormatError,
              "[arrow] column \"{}\": more than 2^63 rows", name_);
    if (chunk.length > 0) chunks_.push_back(std::move(chunk));
  }
}

ArrowColumn ArrowColumn::renamed(std::string name) const {
  ArrowColumn out = *this;
  out.name_ = std::move(name);
  return out;
}

int64_t ArrowColumn::null_count() const {
  if (kind_ == ColumnKind::empty) return size_;
  int64_t count = 0;
  for (const Chunk& chunk : chunks_) {
    const ArrowArray& array = *chunk.array;
    if (array.null_count == 0 || array.n_buffers == 0 || array.buffers == nullptr || array.buffers[0] == nullptr)
      continue;
    if (array.null_count > 0 && chunk.length == array.length) {
      count += array.null_count;
      continue;
    }
    for (int64_t i = 0; i < chunk.length; ++i) count += !arrow_bit(array.buffers[0], array.offset + chunk.begin + i);
  }
  return count;
}

Array ArrowColumn::values() const {
  if (kind_ == ColumnKind::empty)
    return Array::full(Shape{size_}, std::numeric_limits<double>::quiet_NaN(), DType::f64);
  QTK_CHECK(kind_ == ColumnKind::number || kind_ == ColumnKind::boolean, TypeError,
            "[arrow] column \"{}\", was {}, expected numbers", name_, type_name_);
  const auto [dtype, as_it_lies] = dtype_of_format(format_[0]);
  if (size_ == 0) return Array::empty(Shape{0}, dtype);
  if (as_it_lies && chunks_.size() == 1 && null_count() == 0) {
    const Chunk& chunk = chunks_.front();
    const int64_t width = dtype_size(dtype);
    const auto* first =
        static_cast<const std::byte*>(chunk.array->buffers[1]) + (chunk.array->offset + chunk.begin) * width;
    if (reinterpret_cast<uintptr_t>(first) % static_cast<uintptr_t>(width) == 0)
      return Array::wrap_read_only(first, dtype, Shape{size_}, std::const_pointer_cast<ArrowArray>(chunk.array));
  }
  return copied_values(dtype);
}

Array ArrowColumn::values_with_gaps() const {
  return kind_ == ColumnKind::number && null_count() > 0 ? copied_values(DType::f64) : values();
}

Array ArrowColumn::copied_values(DType dtype) const {
  Array out = Array::empty(Shape{size_}, dtype);
  const auto refuse_null = [&](int64_t row) {
    fail<ValueError>(
        "[arrow] column \"{}\", row {}: null in a column of {}, expected a number; fill the nulls or cast the column "
        "to "
        "float64",
        name_, row, type_name_);
  };
  if (dtype == DType::boolean) {
    bool* const to = out.mutable_data<bool>();
    for_each_row(chunks_, [&](const ArrowArray& array, int64_t row, int64_t i) {
      if (!has_row(array, i)) refuse_null(row);
      to[row] = arrow_bit(array.buffers[1], i);
    });
    return out;
  }
  visit_dtype(dtype, [&](auto target) {
    using To = decltype(target);
    To* const to = out.mutable_data<To>();
    const auto copy = [&](auto zero, auto&& convert) {
      using From = decltype(zero);
      for_each_row(chunks_, [&](const ArrowArray& array, int64_t row, int64_t i) {
        if (!has_row(array, i)) {
          if (!is_float(dtype)) refuse_null(row);
          to[row] = static_cast<To>(std::numeric_limits<double>::quiet_NaN());
          return;
        }
        From value;
        std::memcpy(&value, static_cast<const std::byte*>(array.buffers[1]) + i * static_cast<int64_t>(sizeof(From)),
                    sizeof(From));
        to[row] = static_cast<To>(convert(value, row));
      });
    };
    if (format_[0] == 'd') {
      const ArrowFormat format = parse_arrow_format(format_);
      for_each_row(chunks_, [&](const ArrowArray& array, int64_t row, int64_t i) {
        const auto* at = static_cast<const std::byte*>(array.buffers[1]) + i * format.width;
        to[row] = static_cast<To>(has_row(array, i) ? arrow_decimal(at, format.width, format.scale)
                                                    : std::numeric_limits<double>::quiet_NaN());
      });
    } else if (format_[0] == 'e') {
      copy(uint16_t{}, [](uint16_t half, int64_t) { return from_fp16(half); });
    } else if (format_[0] == 'L') {
      copy(uint64_t{}, [&](uint64_t value, int64_t row) {
        QTK_CHECK(value <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max()), ValueError,
                  "[arrow] column \"{}\", row {}: {} is beyond int64", name_, row, value);
        return static_cast<int64_t>(value);
      });
    } else {
      visit_number(format_[0], [&](auto zero) { copy(zero, [](auto value, int64_t) { return value; }); });
    }
  });
  return out;
}

TextCodes ArrowColumn::texts() const {
  TextCodes out;
  out.codes.assign(static_cast<size_t>(size_), -1);
  if (kind_ == ColumnKind::empty) return out;
  QTK_CHECK(kind_ == ColumnKind::text, TypeError, "[arrow] column \"{}\", was {}, expected text", name_, type_name_);
  std::unordered_map<std::string, int32_t> numbers;
  const auto number_of = [&](std::string_view text) {
    const auto [entry, added] = numbers.try_emplace(std::string(text), static_cast<int32_t>(out.names.size()));
    if (added) out.names.emplace_back(text);
    return entry->second;
  };
  if (schema_->dictionary == nullptr) {
    for_each_row(chunks_, [&](const ArrowArray& array, int64_t row, int64_t i) {
      if (has_row(array, i)) out.codes[static_cast<size_t>(row)] = number_of(arrow_text(name_, format_, array, i));
    });
    return out;
  }
  const std::string inner = schema_->dictionary->format;
  const ArrowArray* current = nullptr;  // each chunk has a dictionary of its own
  std::vector<int32_t> known;           // by entry of the dictionary: number, -1 null, -2 not met yet
  visit_number(format_[0], [&](auto zero) {
    using Code = decltype(zero);
    for_each_row(chunks_, [&](const ArrowArray& array, int64_t row, int64_t i) {
      if (!has_row(array, i)) return;
      const ArrowArray& dictionary = *array.dictionary;
      if (current != &array) {
        current = &array;
        known.assign(static_cast<size_t>(dictionary.length), -2);
      }
      const auto code = static_cast<int64_t>(static_cast<const Code*>(array.buffers[1])[i]);
      QTK_CHECK(code >= 0 && code < dictionary.length, FormatError,
                "[arrow] column \"{}\", row {}: code {} of a dictionary of {}", name_, row, code, dictionary.length);
      int32_t& number = known[static_cast<size_t>(code)];
      if (number == -2) {
        const int64_t entry = dictionary.offset + code;
        number = has_row(dictionary, entry) ? number_of(arrow_text(name_, inner, dictionary, entry)) : -1;
      }
      out.codes[static_cast<size_t>(row)] = number;
    });
  });
  return out;
}

ColumnTimes ArrowColumn::times() const {
  QTK_CHECK(kind_ == ColumnKind::date || kind_ == ColumnKind::timestamp || kind_ == ColumnKind::time_of_day, TypeError,
            "[arrow] column \"{}\", was {}, expected dates or times", name_, type_name_);
  const ArrowFormat format = parse_arrow_format(format_);
  ColumnTimes out;
  out.seconds.resize(static_cast<size_t>(size_));
  for_each_row(chunks_, [&](const ArrowArray& array, int64_t row, int64_t i) {
    QTK_CHECK(has_row(array, i), ValueError, "[arrow] column \"{}\", row {}: null, expected a {}", name_, row,
              format.kind == ColumnKind::date ? "date" : "time");
    int64_t& seconds = out.seconds[static_cast<size_t>(row)];
    if (format.per_second == 0) {
      seconds = static_cast<const int32_t*>(array.buffers[1])[i] * kSecondsPerDay;
      return;
    }
    const int64_t value = format.width == 4 ? static_cast<const int32_t*>(array.buffers[1])[i]
                                            : static_cast<const int64_t*>(array.buffers[1])[i];
    seconds = floor_divided(value, format.per_second);
    if (!out.first_below_second && value % format.per_second != 0) out.first_below_second = row;
  });
  return out;
}

ArrowTable::ArrowTable(std::vector<ArrowColumn> columns) : columns_(std::move(columns)) {
  if (!columns_.empty()) rows_ = columns_.front().size();
  std::unordered_set<std::string_view> names;
  for (const ArrowColumn& column : columns_) {
    QTK_CHECK(column.size() == rows_, ShapeError, "[arrow] column \"{}\": {} rows, expected {} as of \"{}\"",
              column.name(), column.size(), rows_, columns_.front().name());
    QTK_CHECK(names.insert(column.name()).second, ValueError, "[arrow] two columns are called \"{}\", expected one",
              column.name());
  }
}

ArrowTable ArrowTable::read(ArrowArrayStream& stream) {
  QTK_CHECK(stream.release != nullptr, FormatError, "[arrow] a stream that was read or released already");
  struct Taken : ArrowArrayStream {
    ~Taken() { release(this); }
  } own{stream};
  stream.release = nullptr;
  QTK_CHECK(own.get_schema != nullptr && own.get_next != nullptr, FormatError, "[arrow] a stream without functions");
  const auto check = [&](int status, const char* what) {
    if (status == 0) return;
    const char* text = own.get_last_error == nullptr ? nullptr : own.get_last_error(&own);
    fail<FormatError>("[arrow] the source failed at {}: {}", what,
                      text == nullptr ? fmt::format("error {}", status) : std::string(text));
  };
  ArrowSchema schema{};
  check(own.get_schema(&own, &schema), "its schema");
  const auto held = taken(schema);
  std::vector<std::shared_ptr<const ArrowArray>> arrays;
  while (true) {
    ArrowArray array{};
    check(own.get_next(&own, &array), fmt::format("batch {}", arrays.size()).c_str());
    if (array.release == nullptr) break;
    arrays.push_back(taken(array));
  }
  return assembled(held, arrays);
}

ArrowTable ArrowTable::read(ArrowSchema& schema, ArrowArray& array) {
  const auto held = taken(schema);
  return assembled(held, {taken(array)});
}

std::vector<std::string> ArrowTable::names() const {
  std::vector<std::string> out;
  for (const ArrowColumn& column : columns_) out.push_back(column.name());
  return out;
}

const ArrowColumn& ArrowTable::column(std::string_view name) const {
  for (const ArrowColumn& column : columns_)
    if (column.name() == name) return column;
  const std::vector<std::string> known = names();
  const std::string near = nearest_name(name, known);
  fail<IndexError>("[arrow] no column \"{}\" among {}{}", name, fmt::join(known, ", "),
                   near.empty() ? "" : fmt::format("; nearest is \"{}\"", near));
}

}  // namespace quantick
