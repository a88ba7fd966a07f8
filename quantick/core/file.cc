#include "quantick/core/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "quantick/core/error.h"

namespace quantick {
namespace {

[[noreturn]] void refuse(const std::string& path, const char* what) {
  fail<IoError>("[file] {}: {}: {}", path, what, std::strerror(errno));
}

/// Closes a descriptor at the end of the scope.
struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

}  // namespace

MappedFile::MappedFile(const std::string& path) {
  // A pipe without a writer would wait for one.
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.fd < 0) refuse(path, "cannot open");
  struct stat info {};
  if (::fstat(file.fd, &info) != 0) refuse(path, "cannot read its size");
  QTK_CHECK(S_ISREG(info.st_mode), IoError, "[file] {}: not a regular file", path);
  size_ = static_cast<size_t>(info.st_size);
  if (size_ == 0) return;
  void* mapped = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.fd, 0);
  if (mapped == MAP_FAILED) refuse(path, "cannot map");
  data_ = static_cast<const std::byte*>(mapped);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

std::string read_file(const std::string& path) { return std::string(MappedFile(path).text()); }

void write_file(const std::string& path, std::span<const std::byte> bytes) {
  // A device or a pipe must not give way to a file.
  struct stat there {};
  QTK_CHECK(::stat(path.c_str(), &there) != 0 || S_ISREG(there.st_mode) || S_ISDIR(there.st_mode), IoError,
            "[file] {}: not a regular file, expected one, or none", path);
  const std::filesystem::path target(path);
  const auto folder = target.has_parent_path() ? target.parent_path() : std::filesystem::path(".");
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  QTK_CHECK(!error, IoError, "[file] {}: cannot make its folder: {}", path, error.message());
  std::string temporary = path + ".tmp-XXXXXX";
  const int fd = ::mkstemp(temporary.data());
  if (fd < 0) refuse(path, "cannot create a file in its folder");
  const auto give_up = [&](const char* what) {
    const int reason = errno;
    ::unlink(temporary.c_str());
    errno = reason;
    refuse(path, what);
  };
  {
    const Descriptor file{fd};
    for (size_t done = 0; done < bytes.size();) {
      const ssize_t n = ::write(fd, bytes.data() + done, bytes.size() - done);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) give_up("cannot write");
      done += static_cast<size_t>(n);
    }
    if (::fchmod(fd, 0644) != 0 || ::fsync(fd) != 0) give_up("cannot sync");
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) give_up("cannot rename into place");
  const Descriptor directory{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (directory.fd >= 0) ::fsync(directory.fd);
}

void write_file(const std::string& path, std::string_view text) { write_file(path, std::as_bytes(std::span(text))); }

}  // namespace quantick
