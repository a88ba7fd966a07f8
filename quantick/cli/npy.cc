#include "quantick/cli/npy.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "quantick/core/error.h"
#include "quantick/core/file.h"

namespace quantick::cli {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::string_view kMagic = "\x93NUMPY";
// Bytes before the header: magic, two of the version, and the header's length in two (format 1) or four.
constexpr size_t kFixed1 = 10, kFixed2 = 12;
// A header of eight extents takes less than 300 bytes; NumPy itself refuses headers beyond this length.
constexpr size_t kLongestHeader = 10000;
// The data begins at a multiple of this.
constexpr size_t kAlignment = 64;

struct Header {
  std::string descr;
  bool fortran = false;
  Shape shape;
};

/// Reads the header: a Python dictionary of three entries in any order.
class HeaderReader {
 public:
  HeaderReader(const std::string& path, std::string_view text) : path_(path), text_(text) {}

  Header read() {
    Header out;
    bool descr = false, order = false, shape = false;
    expect('{');
    while (!take('}')) {
      const std::string key = quoted();
      expect(':');
      if (key == "descr" && !descr) {
        out.descr = quoted();
        descr = true;
      } else if (key == "fortran_order" && !order) {
        out.fortran = boolean();
        order = true;
      } else if (key == "shape" && !shape) {
        out.shape = extents();
        shape = true;
      } else {
        refuse("a key, was \"" + key + "\", expected descr, fortran_order and shape, each once");
      }
      if (take('}')) break;
      expect(',');
    }
    if (!descr || !order || !shape) refuse("expected descr, fortran_order and shape");
    skip_blanks();
    if (at_ != text_.size()) refuse("text after the closing brace");
    return out;
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    fail<FormatError>("[npy] {}: header, byte {}: {}", path_, at_, what);
  }
  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }
  bool take(char c) {
    skip_blanks();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!take(c)) refuse(fmt::format("expected '{}'", c));
  }
  std::string quoted() {
    const char quote = take('"') ? '"' : '\'';
    if (quote == '\'') expect('\'');
    const size_t end = text_.find(quote, at_);
    if (end == std::string_view::npos) refuse("a text without end");
    const std::string out(text_.substr(at_, end - at_));
    at_ = end + 1;
    for (const char c : out)
      if (c < ' ' || c > '~') refuse("a text that is not ASCII");
    return out;
  }
  bool boolean() {
    skip_blanks();
    for (const bool value : {false, true}) {
      const std::string_view word = value ? "True" : "False";
      if (!text_.substr(at_).starts_with(word)) continue;
      at_ += word.size();
      return value;
    }
    refuse("expected True or False");
  }
  Shape extents() {
    Shape shape;
    expect('(');
    while (!take(')')) {
      int64_t extent = -1;
      skip_blanks();
      const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), extent);
      if (error != std::errc() || extent < 0) refuse("expected a whole number of 0 or more");
      if (shape.ndim() == Shape::kMaxDims) refuse(fmt::format("more than {} dimensions", Shape::kMaxDims));
      at_ = static_cast<size_t>(end - text_.data());
      shape.push_back(extent);
      if (take(')')) break;
      expect(',');
    }
    return shape;
  }

  const std::string& path_;
  std::string_view text_;
  size_t at_ = 0;
};

template <class T>
size_t little_endian(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}

/// Whether exactly `bytes` are what `shape` takes.
bool fills(const Shape& shape, int64_t element, size_t bytes) {
  size_t expected = static_cast<size_t>(element);
  for (const int64_t extent : shape)
    if (__builtin_mul_overflow(expected, static_cast<size_t>(extent), &expected)) return false;
  return expected == bytes;
}

}  // namespace

Array read_npy(const std::string& path) {
  const MappedFile file(path);
  const std::span<const std::byte> bytes = file.bytes();
  QTK_CHECK(file.text().starts_with(kMagic) && bytes.size() >= kFixed2, FormatError,
            "[npy] {}: not a .npy file, or cut in its first {} bytes", path, kFixed2);
  const int version = std::to_integer<int>(bytes[kMagic.size()]);
  QTK_CHECK(version == 1 || version == 2, UnsupportedError, "[npy] {}: format {}, expected 1 or 2", path, version);
  const size_t fixed = version == 1 ? kFixed1 : kFixed2;
  const std::byte* const length_at = bytes.data() + kMagic.size() + 2;
  const size_t length = version == 1 ? little_endian<uint16_t>(length_at) : little_endian<uint32_t>(length_at);
  QTK_CHECK(length <= kLongestHeader && length <= bytes.size() - fixed, FormatError,
            "[npy] {}: a header of {} bytes, expected at most {} and within the file's {} bytes", path, length,
            kLongestHeader, bytes.size());
  const Header header = HeaderReader(path, file.text().substr(fixed, length)).read();
  const bool f32 = header.descr == "<f4";
  QTK_CHECK(f32 || header.descr == "<f8", UnsupportedError,
            "[npy] {}: elements of \"{}\", expected \"<f4\" or \"<f8\" (little-endian float32 or float64)", path,
            header.descr);
  const DType dtype = f32 ? DType::f32 : DType::f64;
  const std::span<const std::byte> data = bytes.subspan(fixed + length);
  QTK_CHECK(fills(header.shape, dtype_size(dtype), data.size()), FormatError,
            "[npy] {}: {} bytes of data, which shape {} of {} does not take", path, data.size(), header.shape.text(),
            dtype_name(dtype));
  // In Fortran order the file holds the transpose.
  std::vector<int64_t> extents = header.shape.to_vector();
  if (header.fortran) std::reverse(extents.begin(), extents.end());
  Array out = Array::empty(Shape(extents), dtype);
  if (!data.empty()) std::memcpy(out.mutable_raw(), data.data(), data.size());
  if (!header.fortran || out.ndim() < 2) return out;
  std::vector<int> axes;
  for (int axis = out.ndim() - 1; axis >= 0; --axis) axes.push_back(axis);
  return out.transpose(axes).contiguous();
}

void write_npy(const std::string& path, const Array& array) {
  const Array rows = array.contiguous();
  std::string shape;
  for (const int64_t extent : rows.shape()) shape += fmt::format("{}, ", extent);
  std::string header = fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}), }}", shape);
  header.append(kAlignment - 1 - (kFixed1 + header.size()) % kAlignment, ' ');
  header += '\n';
  const auto length = static_cast<uint16_t>(header.size());
  std::string out(kMagic);
  out += '\x01';
  out += '\0';
  out.append(reinterpret_cast<const char*>(&length), sizeof(length));
  out += header;
  out.append(reinterpret_cast<const char*>(rows.data<float>()), static_cast<size_t>(rows.size()) * sizeof(float));
  write_file(path, std::string_view(out));
}

}  // namespace quantick::cli
