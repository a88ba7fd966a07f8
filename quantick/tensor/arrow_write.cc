// Columns made of our own memory, and tables handed out as streams. Each struct that leaves owns what it points at.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <set>

#include "quantick/core/error.h"
#include "quantick/tensor/arrow.h"
#include "quantick/tensor/arrow_format.h"

namespace quantick {
namespace {

/// What a schema of ours points at.
struct SchemaParts {
  std::string format, name;
  std::vector<std::unique_ptr<ArrowSchema>> children;
  std::vector<ArrowSchema*> pointers;
  std::unique_ptr<ArrowSchema> dictionary;
};

/// What an array of ours points at: its own memory, or that of the array it was made of.
struct ArrayParts {
  std::vector<std::shared_ptr<const void>> memory;
  std::vector<const void*> buffers;
  std::vector<std::unique_ptr<ArrowArray>> children;
  std::vector<ArrowArray*> pointers;
  std::unique_ptr<ArrowArray> dictionary;
};

/// Children and dictionaries may have been taken out by whom they were given to; then their release is null.
template <class Struct, class Parts>
void release(Struct* given) {
  auto* parts = static_cast<Parts*>(given->private_data);
  for (const auto& child : parts->children)
    if (child->release != nullptr) child->release(child.get());
  if (parts->dictionary && parts->dictionary->release != nullptr) parts->dictionary->release(parts->dictionary.get());
  delete parts;
  given->release = nullptr;
}

ArrowSchema made(std::unique_ptr<SchemaParts> parts, int64_t flags) {
  for (const auto& child : parts->children) parts->pointers.push_back(child.get());
  return {.format = parts->format.c_str(),
          .name = parts->name.c_str(),
          .metadata = nullptr,
          .flags = flags,
          .n_children = static_cast<int64_t>(parts->pointers.size()),
          .children = parts->pointers.data(),
          .dictionary = parts->dictionary.get(),
          .release = release<ArrowSchema, SchemaParts>,
          .private_data = parts.release()};
}

ArrowArray made(std::unique_ptr<ArrayParts> parts, int64_t length, int64_t offset, int64_t null_count) {
  for (const auto& child : parts->children) parts->pointers.push_back(child.get());
  return {.length = length,
          .null_count = null_count,
          .offset = offset,
          .n_buffers = static_cast<int64_t>(parts->buffers.size()),
          .n_children = static_cast<int64_t>(parts->pointers.size()),
          .buffers = parts->buffers.data(),
          .children = parts->pointers.data(),
          .dictionary = parts->dictionary.get(),
          .release = release<ArrowArray, ArrayParts>,
          .private_data = parts.release()};
}

ArrowSchema copy_of(const ArrowSchema& source, std::string name) {
  auto parts = std::make_unique<SchemaParts>();
  parts->format = source.format;
  parts->name = std::move(name);
  for (int64_t c = 0; c < source.n_children; ++c)
    parts->children.push_back(std::make_unique<ArrowSchema>(
        copy_of(*source.children[c], source.children[c]->name == nullptr ? "" : source.children[c]->name)));
  if (source.dictionary != nullptr) parts->dictionary = std::make_unique<ArrowSchema>(copy_of(*source.dictionary, ""));
  return made(std::move(parts), source.flags);
}

/// `length` rows from `begin` on, on the same memory.
ArrowArray slice_of(const ArrowArray& source, const std::shared_ptr<const ArrowArray>& keep, int64_t begin,
                    int64_t length) {
  auto parts = std::make_unique<ArrayParts>();
  parts->memory.push_back(keep);
  parts->buffers.assign(source.buffers, source.buffers + source.n_buffers);
  for (int64_t c = 0; c < source.n_children; ++c)
    parts->children.push_back(
        std::make_unique<ArrowArray>(slice_of(*source.children[c], keep, 0, source.children[c]->length)));
  if (source.dictionary != nullptr)
    parts->dictionary = std::make_unique<ArrowArray>(slice_of(*source.dictionary, keep, 0, source.dictionary->length));
  const bool whole = begin == 0 && length == source.length;
  return made(std::move(parts), length, source.offset + begin,
              whole || source.null_count == 0 ? source.null_count : -1);
}

/// A column on buffers of ours.
ArrowColumn column_of(std::string name, std::string format, std::vector<std::shared_ptr<const void>> buffers,
                      int64_t length, int64_t null_count = 0) {
  auto schema_parts = std::make_unique<SchemaParts>();
  schema_parts->format = std::move(format);
  schema_parts->name = std::move(name);
  auto parts = std::make_unique<ArrayParts>();
  for (const auto& buffer : buffers) parts->buffers.push_back(buffer.get());
  parts->memory = std::move(buffers);
  const auto free = [](auto* kept) {
    if (kept->release != nullptr) kept->release(kept);
    delete kept;
  };
  std::shared_ptr<const ArrowSchema> schema(
      new ArrowSchema(made(std::move(schema_parts), null_count > 0 ? ARROW_FLAG_NULLABLE : 0)), free);
  std::shared_ptr<const ArrowArray> array(new ArrowArray(made(std::move(parts), length, 0, null_count)), free);
  return ArrowColumn(std::move(schema), {{std::move(array), 0, length}});
}

template <class T>
std::shared_ptr<const void> kept(std::vector<T> values) {
  // Never null, so that a column without rows still has a place for its values.
  values.reserve(1);
  auto held = std::make_shared<std::vector<T>>(std::move(values));
  return {held, held->data()};
}

std::shared_ptr<const void> kept(const Array& values) {
  auto held = std::make_shared<Array>(values);
  return {held, held->raw()};
}

std::vector<uint8_t> bits_of(int64_t count, auto&& is_set) {
  std::vector<uint8_t> bits(static_cast<size_t>((count + 7) / 8), 0);
  for (int64_t i = 0; i < count; ++i)
    if (is_set(i)) bits[static_cast<size_t>(i / 8)] |= static_cast<uint8_t>(1 << (i % 8));
  return bits;
}

std::string format_of(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return "f";
    case DType::f64:
      return "g";
    case DType::i8:
      return "c";
    case DType::u8:
      return "C";
    case DType::i16:
      return "s";
    case DType::i32:
      return "i";
    case DType::i64:
      return "l";
    default:
      return "b";
  }
}

Array checked_vector(const std::string& name, const Array& values) {
  QTK_CHECK(values.ndim() == 1, ShapeError, "[arrow] column \"{}\": {}, expected one dimension", name,
            values.type().text());
  return values.contiguous();
}

/// A table under way to whom it was given.
struct Streaming {
  ArrowTable table;
  std::vector<int64_t> ends;  // of the batches
  size_t next = 0;
  std::string error;
};

int write_schema(ArrowArrayStream* stream, ArrowSchema* out) noexcept {
  auto& state = *static_cast<Streaming*>(stream->private_data);
  try {
    auto parts = std::make_unique<SchemaParts>();
    parts->format = "+s";
    for (const ArrowColumn& column : state.table.columns())
      parts->children.push_back(std::make_unique<ArrowSchema>(copy_of(column.schema(), column.name())));
    *out = made(std::move(parts), 0);
    return 0;
  } catch (const std::exception& error) {
    state.error = error.what();
    return ENOMEM;
  }
}

/// Rows [begin, end) of a column, which lie in one chunk.
ArrowArray rows_of(const ArrowColumn& column, int64_t begin, int64_t end) {
  int64_t first = 0;
  for (const auto& chunk : column.chunks()) {
    if (begin < first + chunk.length)
      return slice_of(*chunk.array, chunk.array, chunk.begin + begin - first, end - begin);
    first += chunk.length;
  }
  fail<InvariantError>("Invariant: rows {} to {} of {}", begin, end, column.size());
}

int write_next(ArrowArrayStream* stream, ArrowArray* out) noexcept {
  auto& state = *static_cast<Streaming*>(stream->private_data);
  try {
    *out = {};
    if (state.next == state.ends.size()) return 0;
    const int64_t begin = state.next == 0 ? 0 : state.ends[state.next - 1], end = state.ends[state.next];
    auto parts = std::make_unique<ArrayParts>();
    parts->buffers.push_back(nullptr);
    for (const ArrowColumn& column : state.table.columns())
      parts->children.push_back(std::make_unique<ArrowArray>(rows_of(column, begin, end)));
    *out = made(std::move(parts), end - begin, 0, 0);
    ++state.next;
    return 0;
  } catch (const std::exception& error) {
    state.error = error.what();
    return ENOMEM;
  }
}

}  // namespace

ArrowColumn ArrowColumn::from_array(std::string name, const Array& given) {
  const Array values = checked_vector(name, given);
  if (values.dtype() != DType::boolean)
    return column_of(std::move(name), format_of(values.dtype()), {nullptr, kept(values)}, values.size());
  const bool* from = values.data<bool>();
  return column_of(std::move(name), "b", {nullptr, kept(bits_of(values.size(), [&](int64_t i) { return from[i]; }))},
                   values.size());
}

ArrowColumn ArrowColumn::from_texts(std::string name, const std::vector<std::optional<std::string>>& texts) {
  std::vector<int64_t> offsets{0};
  std::vector<char> bytes;
  int64_t nulls = 0;
  for (const auto& text : texts) {
    if (text) bytes.insert(bytes.end(), text->begin(), text->end());
    nulls += !text.has_value();
    offsets.push_back(static_cast<int64_t>(bytes.size()));
  }
  const auto count = static_cast<int64_t>(texts.size());
  std::shared_ptr<const void> present;
  if (nulls > 0) present = kept(bits_of(count, [&](int64_t i) { return texts[static_cast<size_t>(i)].has_value(); }));
  return column_of(std::move(name), "U", {present, kept(std::move(offsets)), kept(std::move(bytes))}, count, nulls);
}

ArrowColumn ArrowColumn::from_days(std::string name, const std::vector<int32_t>& days) {
  return column_of(std::move(name), "tdD", {nullptr, kept(days)}, static_cast<int64_t>(days.size()));
}

ArrowColumn ArrowColumn::from_times(std::string name, const Array& given, std::string_view unit,
                                    std::string_view time_zone) {
  QTK_CHECK(given.dtype() == DType::i64, TypeError, "[arrow] column \"{}\": times of {}, expected int64", name,
            dtype_name(given.dtype()));
  QTK_CHECK(unit == "s" || unit == "ms" || unit == "us" || unit == "ns", ValueError,
            "[arrow] column \"{}\": unit, was \"{}\", expected s, ms, us or ns", name, unit);
  const Array values = checked_vector(name, given);
  // NaT is the least int64, as NumPy has it.
  const int64_t* from = values.data<int64_t>();
  const auto is_time = [&](int64_t i) { return from[i] != std::numeric_limits<int64_t>::min(); };
  const int64_t nulls = values.size() - std::count_if(from, from + values.size(), [](int64_t v) {
                          return v != std::numeric_limits<int64_t>::min();
                        });
  std::shared_ptr<const void> present;
  if (nulls > 0) present = kept(bits_of(values.size(), is_time));
  return column_of(std::move(name), fmt::format("ts{}:{}", unit[0], time_zone), {present, kept(values)}, values.size(),
                   nulls);
}

void ArrowTable::write(ArrowArrayStream& out) const {
  auto state = std::make_unique<Streaming>();
  state->table = *this;
  std::set<int64_t> ends;
  for (const ArrowColumn& column : columns_) {
    int64_t end = 0;
    for (const auto& chunk : column.chunks()) ends.insert(end += chunk.length);
  }
  state->ends.assign(ends.begin(), ends.end());
  out = {.get_schema = write_schema,
         .get_next = write_next,
         .get_last_error =
             [](ArrowArrayStream* stream) {
               const auto& text = static_cast<Streaming*>(stream->private_data)->error;
               return text.empty() ? nullptr : text.c_str();
             },
         .release =
             [](ArrowArrayStream* stream) {
               delete static_cast<Streaming*>(stream->private_data);
               stream->release = nullptr;
             },
         .private_data = state.release()};
}

}  // namespace quantick
