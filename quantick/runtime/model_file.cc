#include "quantick/runtime/model_file.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "quantick/core/file.h"
#include "quantick/core/float_mode.h"
#include "quantick/core/hash.h"
#include "quantick/runtime/program_json.h"
#include "quantick/runtime/random_program.h"
#include "quantick/runtime/session.h"
#include "quantick/runtime/strict_json.h"

namespace quantick::runtime {
namespace {

using nlohmann::json;
using namespace strict_json;

constexpr std::string_view kFormat = "quantick-program", kVersion = "2";
constexpr std::string_view kChecksum = "checksum", kPadding = "padding.";
constexpr std::string_view kGoldenInput = "golden.input", kGoldenOutput = "golden.output";
constexpr size_t kAlignment = 64;
constexpr size_t kMaxHeader = size_t{1} << 28;
// Long enough for a recurrent state to matter, short enough to cost nothing.
constexpr int64_t kGoldenSteps = 6, kGoldenRows = 2;
constexpr uint64_t kGoldenSeed = 20261122;

struct TypeName {
  DType dtype;
  std::string_view name;
};
constexpr TypeName kTypes[] = {{DType::f32, "F32"}, {DType::f64, "F64"}, {DType::i8, "I8"},   {DType::u8, "U8"},
                               {DType::i16, "I16"}, {DType::i32, "I32"}, {DType::i64, "I64"}, {DType::boolean, "BOOL"}};

std::string_view type_name(DType dtype) {
  for (const TypeName& t : kTypes)
    if (t.dtype == dtype) return t.name;
  QTK_ASSERT(false);
}

DType type_from_name(std::string_view name) {
  for (const TypeName& t : kTypes)
    if (t.name == name) return t.dtype;
  fail<FormatError>("[model file] unknown tensor type \"{}\"", name);
}

std::span<const std::byte> bytes_of(const Array& array) {
  return {array.raw(), static_cast<size_t>(array.size() * dtype_size(array.dtype()))};
}

std::string hex(uint64_t number) { return fmt::format("{:016x}", number); }

/// All tensors of the file but checksum and padding, in the order in which they are written.
std::vector<NamedArray> tensors_of(const Program& program) {
  std::vector<NamedArray> tensors;
  for (size_t n = 0; n < program.nodes.size(); ++n)
    for (const NamedArray& c : program.nodes[n].constants)
      tensors.push_back({constant_tensor_name(n, c.name), c.value.contiguous()});
  const Array x = random_input(program, kGoldenSteps, kGoldenRows, kGoldenSeed);
  tensors.push_back({std::string(kGoldenInput), x});
  tensors.push_back({std::string(kGoldenOutput), Session(program).run_codes(x)});
  return tensors;
}

std::string identity_of(std::string_view structure, const std::vector<NamedArray>& tensors) {
  Sha256 sha;
  sha.update(fmt::format("{} {} {}\n", kFormat, kVersion, structure.size())).update(structure);
  for (const NamedArray& t : tensors)
    sha.update(fmt::format("\n{} {}\n", t.name, t.value.type().text())).update(bytes_of(t.value));
  return sha.hex();
}

/// A file taken apart and checked, but for the identity and the golden pair.
struct Parts {
  Program program;
  std::string structure, sha256;
  std::vector<NamedArray> tensors;  ///< as tensors_of gives them
  const Array& tensor(std::string_view name) const {
    for (const NamedArray& t : tensors)
      if (t.name == name) return t.value;
    fail<FormatError>("[model file] tensor {} is missing", name);
  }
};

struct Entry {
  std::string name;
  TensorType type;
  size_t begin, end;
};

Entry read_entry(const std::string& name, const json& j, size_t data_size) {
  check_keys(j, {"dtype", "shape", "data_offsets"}, name);
  Entry e{name, {type_from_name(text(member(j, "dtype"), "dtype")), {}}, 0, 0};
  constexpr int64_t kAny = std::numeric_limits<int64_t>::max();
  const json& offsets = array(member(j, "data_offsets"), "data_offsets");
  QTK_CHECK(offsets.size() == 2, FormatError, "[model file] data_offsets of {} are not a pair", name);
  e.begin = static_cast<size_t>(integer(offsets[0], "data_offsets", 0, kAny));
  e.end = static_cast<size_t>(integer(offsets[1], "data_offsets", static_cast<int64_t>(e.begin), kAny));
  QTK_CHECK(e.end <= data_size, FormatError, "[model file] truncated: {} ends at byte {} of the data, which has {}",
            name, e.end, data_size);
  const json& shape = array(member(j, "shape"), "shape");
  QTK_CHECK(shape.size() <= static_cast<size_t>(Shape::kMaxDims), FormatError, "[model file] {} has {} axes", name,
            shape.size());
  const auto limit = static_cast<int64_t>(data_size);
  int64_t elements = 1;
  for (const json& extent : shape) {
    e.type.shape.push_back(integer(extent, "shape", 0, limit));
    elements = e.type.shape[-1] == 0 ? 0 : elements;
    QTK_CHECK(elements == 0 || e.type.shape[-1] <= limit / elements, FormatError,
              "[model file] {} is larger than the file", name);
    elements *= e.type.shape[-1];
  }
  QTK_CHECK(elements <= limit / dtype_size(e.type.dtype) &&
                e.end - e.begin == static_cast<size_t>(elements * dtype_size(e.type.dtype)),
            FormatError, "[model file] {} is {} but takes {} bytes", name, e.type.text(), e.end - e.begin);
  return e;
}

bool all_zero(std::span<const std::byte> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

Parts take_apart(const std::shared_ptr<const MappedFile>& file) {
  const auto bytes = file->bytes();
  uint64_t header_size = 0;
  QTK_CHECK(bytes.size() >= sizeof(header_size), FormatError, "[model file] {} bytes are too few", bytes.size());
  std::memcpy(&header_size, bytes.data(), sizeof(header_size));
  QTK_CHECK(header_size <= kMaxHeader && header_size <= bytes.size() - sizeof(header_size), FormatError,
            "[model file] truncated: a header of {} bytes in a file of {}", header_size, bytes.size());
  const auto head = bytes.first(sizeof(header_size) + header_size), data = bytes.subspan(head.size());
  QTK_CHECK(head.size() % kAlignment == 0 && data.size() >= kAlignment, FormatError,
            "[model file] truncated or altered: the header is not followed by its checksum");
  uint64_t checksum = 0;
  std::memcpy(&checksum, data.data(), sizeof(checksum));
  QTK_CHECK(checksum == xxh3(head) && all_zero(data.subspan(sizeof(checksum), kAlignment - sizeof(checksum))),
            FormatError, "[model file] altered: the header's checksum differs");

  const json header = parse({reinterpret_cast<const char*>(head.data()) + sizeof(header_size), header_size}, "header");
  const json& meta = member(header, "__metadata__");
  check_keys(meta, {"format", "version", "program", "sha256", "xxh3"}, "__metadata__");
  QTK_CHECK(text(member(meta, "format"), "format") == kFormat, FormatError, "[model file] not a quantick program");
  const std::string version = text(member(meta, "version"), "version");
  QTK_CHECK(version == kVersion, FormatError, "[model file] version {}, expected {}", version, kVersion);
  const json checksums = parse(text(member(meta, "xxh3"), "xxh3"), "checksums");
  QTK_CHECK(checksums.is_object(), FormatError, "[model file] checksums are not an object");

  std::vector<Entry> entries;
  for (const auto& [name, value] : header.items())
    if (name != "__metadata__") entries.push_back(read_entry(name, value, data.size()));
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end != b.end ? a.end < b.end : a.name < b.name;
  });
  Parts parts;
  size_t at = 0;
  for (const Entry& e : entries) {
    QTK_CHECK(e.begin == at, FormatError, "[model file] {} does not follow the tensor before it", e.name);
    at = e.end;
    const auto content = data.subspan(e.begin, e.end - e.begin);
    if (e.name == kChecksum) {
      QTK_CHECK(e.begin == 0 && e.end == kAlignment, FormatError, "[model file] the checksum is not in its place");
      continue;
    }
    if (e.name.starts_with(kPadding)) {
      QTK_CHECK(all_zero(content), FormatError, "[model file] altered: {} is not zero", e.name);
      continue;
    }
    QTK_CHECK(e.begin % kAlignment == 0, FormatError, "[model file] {} is not aligned", e.name);
    QTK_CHECK(text(member(checksums, e.name.c_str()), "checksum") == hex(xxh3(content)), FormatError,
              "[model file] altered: the checksum of tensor {} differs", e.name);
    // The array is only read; the mapping is private, so even a writer could not reach the file.
    auto* place = const_cast<std::byte*>(content.data());
    parts.tensors.push_back(
        {e.name, Array::wrap(place, e.type.dtype, e.type.shape, std::const_pointer_cast<MappedFile>(file))});
  }
  QTK_CHECK(at == data.size(), FormatError, "[model file] truncated or extended: {} bytes of data, expected {}",
            data.size(), at);
  QTK_CHECK(checksums.size() == parts.tensors.size(), FormatError, "[model file] {} checksums for {} tensors",
            checksums.size(), parts.tensors.size());

  parts.structure = text(member(meta, "program"), "program");
  parts.sha256 = text(member(meta, "sha256"), "sha256");
  size_t used = 0;
  parts.program = program_from_json(parts.structure, [&](const std::string& name) {
    ++used;
    return parts.tensor(name);
  });
  QTK_CHECK(used + 2 == parts.tensors.size(), FormatError, "[model file] {} tensors, expected {}", parts.tensors.size(),
            used + 2);
  return parts;
}

void replay_golden(const Parts& parts, const std::shared_ptr<const Plan>& plan) {
  const Array &x = parts.tensor(kGoldenInput), &y = parts.tensor(kGoldenOutput);
  QTK_CHECK(same_bits(Session(plan).run_codes(x), y), FormatError,
            "[model file] the golden output is not reproduced on this machine ({})", isa_name(active_isa()));
}

/// Runs `action`; whatever it throws becomes a FormatError that names the file.
template <class Action>
auto for_file(const std::string& path, Action&& action) {
  try {
    return action();
  } catch (const IoError&) {
    throw;
  } catch (const Error& error) {
    fail<FormatError>("{}: {}", path, error.what());
  } catch (const std::bad_alloc&) {
    fail<FormatError>("{}: [model file] asks for more memory than there is", path);
  }
}

struct Loaded {
  Parts parts;
  std::shared_ptr<const Plan> plan;
};

Loaded read(const std::string& path) {
  const FloatMode mode;
  Parts parts = take_apart(std::make_shared<const MappedFile>(path));
  auto plan = std::make_shared<const Plan>(parts.program);
  replay_golden(parts, plan);
  return {std::move(parts), std::move(plan)};
}

}  // namespace

std::string save(const Program& program, const std::string& path) {
  const FloatMode mode;
  const std::vector<NamedArray> tensors = tensors_of(program);
  const std::string structure = program_to_json(program);
  const std::string sha256 = identity_of(structure, tensors);

  json header, checksums = json::object();
  size_t at = 0, paddings = 0;
  const auto place = [&](const std::string& name, DType dtype, const std::vector<int64_t>& shape, size_t bytes) {
    header[name] = {{"dtype", type_name(dtype)}, {"shape", shape}, {"data_offsets", {at, at + bytes}}};
    at += bytes;
  };
  place(std::string(kChecksum), DType::u8, {static_cast<int64_t>(kAlignment)}, kAlignment);
  for (const NamedArray& t : tensors) {
    if (const size_t gap = (kAlignment - at % kAlignment) % kAlignment; gap > 0)
      place(fmt::format("{}{}", kPadding, paddings++), DType::u8, {static_cast<int64_t>(gap)}, gap);
    const auto content = bytes_of(t.value);
    QTK_ASSERT(!header.contains(t.name));
    place(t.name, t.value.dtype(), t.value.shape().to_vector(), content.size());
    checksums[t.name] = hex(xxh3(content));
  }
  header["__metadata__"] = {{"format", kFormat},
                            {"version", kVersion},
                            {"program", structure},
                            {"sha256", sha256},
                            {"xxh3", checksums.dump()}};
  std::string text = header.dump();
  text.append((kAlignment - (sizeof(uint64_t) + text.size()) % kAlignment) % kAlignment, ' ');

  std::vector<std::byte> file(sizeof(uint64_t) + text.size() + at, std::byte{0});
  const uint64_t header_size = text.size();
  std::memcpy(file.data(), &header_size, sizeof(header_size));
  std::memcpy(file.data() + sizeof(header_size), text.data(), text.size());
  const size_t data = sizeof(header_size) + text.size();
  const uint64_t checksum = xxh3(std::span<const std::byte>(file).first(data));
  std::memcpy(file.data() + data, &checksum, sizeof(checksum));
  for (const NamedArray& t : tensors) {
    const auto content = bytes_of(t.value);
    if (!content.empty())
      std::memcpy(file.data() + data + header[t.name]["data_offsets"][0].get<size_t>(), content.data(), content.size());
  }
  write_file(path, file);
  return sha256;
}

Program load(const std::string& path) { return load_with_plan(path).program; }

LoadedProgram load_with_plan(const std::string& path) {
  return for_file(path, [&] {
    Loaded loaded = read(path);
    return LoadedProgram{std::move(loaded.parts.program), std::move(loaded.plan)};
  });
}

std::string identity(const Program& program) {
  const FloatMode mode;
  return identity_of(program_to_json(program), tensors_of(program));
}

std::string verify(const std::string& path) {
  return for_file(path, [&] {
    const Parts parts = read(path).parts;
    const std::string content = identity_of(parts.structure, parts.tensors);
    QTK_CHECK(content == parts.sha256, FormatError, "[model file] identity, was {}, content has {}", parts.sha256,
              content);
    return content;
  });
}

}  // namespace quantick::runtime
