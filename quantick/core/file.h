#pragma once
// Files. Writing goes to a temporary name, is synced and renamed, so that nothing half-written ever bears the real
// name.
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace quantick {

/// A file mapped read-only. Throws IoError that names the file and the reason.
class MappedFile {
 public:
  explicit MappedFile(const std::string& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&&) = delete;
  std::span<const std::byte> bytes() const { return {data_, size_}; }
  std::string_view text() const { return {reinterpret_cast<const char*>(data_), size_}; }

 private:
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

/// The whole file as text. Throws IoError.
std::string read_file(const std::string& path);

/// Replaces `path` atomically: temporary file in the same folder (made if missing), fsync, rename. Throws IoError and
/// removes the temporary file on failure.
void write_file(const std::string& path, std::span<const std::byte> bytes);
void write_file(const std::string& path, std::string_view text);

}  // namespace quantick
