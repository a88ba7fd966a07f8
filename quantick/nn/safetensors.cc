#include "quantick/nn/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "quantick/core/error.h"
#include "quantick/core/file.h"

namespace quantick::nn {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors data is little-endian");

/// The format's own limit for the JSON header.
constexpr uint64_t kMaxHeaderBytes = 100'000'000;

constexpr std::pair<DType, const char*> kDtypeNames[] = {
    {DType::f32, "F32"}, {DType::f64, "F64"}, {DType::i8, "I8"},   {DType::u8, "U8"},
    {DType::i16, "I16"}, {DType::i32, "I32"}, {DType::i64, "I64"}, {DType::boolean, "BOOL"}};

const char* file_name_of(DType dtype) {
  for (const auto& [known, name] : kDtypeNames)
    if (known == dtype) return name;
  fail<InvariantError>("Invariant: dtype {} has no safetensors name", dtype_name(dtype));
}

DType dtype_of(const std::string& name, const std::string& path) {
  for (const auto& [dtype, known] : kDtypeNames)
    if (name == known) return dtype;
  fail<FormatError>("[safetensors] {}: dtype {} is not one of F32, F64, I8, U8, I16, I32, I64, BOOL", path, name);
}

struct Entry {
  std::string name;
  DType dtype;
  Shape shape;
  uint64_t begin, end;
};

Entry parse_entry(const std::string& name, const nlohmann::json& json, const std::string& path) {
  QTK_CHECK(json.is_object() && json.contains("dtype") && json.contains("shape") && json.contains("data_offsets"),
            FormatError, "[safetensors] {}: entry {} lacks dtype, shape or data_offsets", path, name);
  Entry entry;
  entry.name = name;
  entry.dtype = dtype_of(json.at("dtype").get<std::string>(), path);
  QTK_CHECK(json.at("shape").size() <= Shape::kMaxDims, FormatError, "[safetensors] {}: {} has {} axes, expected <= {}",
            path, name, json.at("shape").size(), Shape::kMaxDims);
  uint64_t bytes = static_cast<uint64_t>(dtype_size(entry.dtype));
  for (const auto& extent : json.at("shape")) {
    const uint64_t value = extent.get<uint64_t>();
    QTK_CHECK(!__builtin_mul_overflow(bytes, value, &bytes) && bytes < (uint64_t{1} << 62), FormatError,
              "[safetensors] {}: {} is larger than memory", path, name);
    entry.shape.push_back(static_cast<int64_t>(value));
  }
  entry.begin = json.at("data_offsets").at(0).get<uint64_t>();
  entry.end = json.at("data_offsets").at(1).get<uint64_t>();
  QTK_CHECK(entry.begin <= entry.end && entry.end - entry.begin == bytes, FormatError,
            "[safetensors] {}: {} has {} bytes of data, expected {} for {}", path, name,
            entry.begin <= entry.end ? entry.end - entry.begin : 0, bytes, entry.shape.text());
  return entry;
}

std::vector<Entry> parse_header(std::string_view text, const std::string& path, Metadata* metadata) {
  std::vector<Entry> entries;
  try {
    const auto json = nlohmann::json::parse(text);
    QTK_CHECK(json.is_object(), FormatError, "[safetensors] {}: header is not a JSON object", path);
    for (const auto& [name, value] : json.items()) {
      if (name == "__metadata__") {
        if (metadata != nullptr) *metadata = value.get<Metadata>();
      } else {
        entries.push_back(parse_entry(name, value, path));
      }
    }
  } catch (const nlohmann::json::exception& error) {
    fail<FormatError>("[safetensors] {}: header is not valid: {}", path, error.what());
  }
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return std::pair(a.begin, a.end) < std::pair(b.begin, b.end); });
  return entries;
}

}  // namespace

void save_safetensors(const std::string& path, const std::vector<NamedTensor>& tensors, const Metadata& metadata) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::set<std::string> seen;
  uint64_t offset = 0;
  for (const NamedTensor& tensor : tensors) {
    QTK_CHECK(seen.insert(tensor.name).second, ValueError, "[safetensors] name {} occurs twice", tensor.name);
    const auto bytes = static_cast<uint64_t>(tensor.value.size() * dtype_size(tensor.value.dtype()));
    header[tensor.name] = {{"dtype", file_name_of(tensor.value.dtype())},
                           {"shape", tensor.value.shape().to_vector()},
                           {"data_offsets", {offset, offset + bytes}}};
    offset += bytes;
  }
  std::string out(8, '\0');
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // data starts aligned
  const uint64_t length = text.size();
  std::memcpy(out.data(), &length, sizeof length);
  out += text;
  out.reserve(out.size() + offset);
  for (const NamedTensor& tensor : tensors) {
    const Array dense = tensor.value.contiguous();
    out.append(reinterpret_cast<const char*>(dense.raw()),
               static_cast<size_t>(dense.size() * dtype_size(dense.dtype())));
  }
  write_file(path, out);
}

std::vector<NamedTensor> load_safetensors(const std::string& path, Metadata* metadata) {
  const MappedFile file(path);
  const std::string_view text = file.text();
  QTK_CHECK(text.size() >= 8, FormatError, "[safetensors] {}: {} bytes, expected at least 8", path, text.size());
  uint64_t length = 0;
  std::memcpy(&length, text.data(), sizeof length);
  QTK_CHECK(length <= kMaxHeaderBytes && length <= text.size() - 8, FormatError,
            "[safetensors] {}: header of {} bytes in a file of {}: the file is cut or not a safetensors file", path,
            length, text.size());
  const auto entries = parse_header(text.substr(8, length), path, metadata);
  const std::string_view data = text.substr(8 + length);
  uint64_t next = 0;
  for (const Entry& entry : entries) {
    QTK_CHECK(entry.begin == next, FormatError, "[safetensors] {}: data of {} starts at {}, expected {}", path,
              entry.name, entry.begin, next);
    next = entry.end;
  }
  QTK_CHECK(next == data.size(), FormatError,
            "[safetensors] {}: {} bytes of data, expected {}: the file is cut or altered", path, data.size(), next);
  std::vector<NamedTensor> out;
  for (const Entry& entry : entries) {
    Array value = Array::empty(entry.shape, entry.dtype);
    if (entry.end > entry.begin)
      std::memcpy(value.mutable_raw(), data.data() + entry.begin, static_cast<size_t>(entry.end - entry.begin));
    out.push_back({entry.name, std::move(value)});
  }
  return out;
}

}  // namespace quantick::nn
