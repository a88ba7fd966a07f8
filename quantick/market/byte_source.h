#pragma once
// A file's bytes, decompressed where it is gzip (told by its first bytes), chunk by chunk: memory does not grow with
// the file.
#include <zlib.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "quantick/core/file.h"

namespace quantick::market {

/// Throws IoError (no such file) and FormatError (gzip truncated or altered). Errors begin with `[room] path`.
class ByteSource {
 public:
  ByteSource(std::string room, const std::string& path);
  ~ByteSource();
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;

  const MappedFile& file() const { return file_; }
  const std::string& room() const { return room_; }
  const std::string& path() const { return path_; }

  /// The next bytes, empty at the end. They stand until the next call.
  std::string_view next();

 private:
  std::string_view inflate_chunk();

  std::string room_, path_;
  MappedFile file_;
  std::span<const std::byte> rest_;
  bool compressed_ = false;
  bool member_ended_ = false;
  z_stream stream_{};
  std::string chunk_;
};

/// Lines of a ByteSource, without their ends and without a UTF-8 byte order mark ahead of the first.
class LineReader {
 public:
  LineReader(std::string room, const std::string& path) : source_(std::move(room), path) {}

  /// False at the end. `line` stands until the next call.
  bool next(std::string_view& line);
  /// Number of the line that next() gave last, from 1.
  int64_t line() const { return line_; }

 private:
  ByteSource source_;
  std::string_view bytes_;  // not yet consumed part of the current chunk
  std::string partial_;     // a line that reaches over a chunk's end
  int64_t line_ = 0;
};

}  // namespace quantick::market
