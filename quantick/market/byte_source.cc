#include "quantick/market/byte_source.h"

#include <algorithm>
#include <limits>

#include "quantick/core/error.h"

namespace quantick::market {
namespace {

constexpr size_t kChunk = 1 << 18;
constexpr size_t kLongestLine = 1 << 26;  // a file without line ends shall not fill the memory

}  // namespace

ByteSource::ByteSource(std::string room, const std::string& path)
    : room_(std::move(room)), path_(path), file_(path), rest_(file_.bytes()) {
  compressed_ = rest_.size() >= 2 && rest_[0] == std::byte{0x1f} && rest_[1] == std::byte{0x8b};
  if (compressed_) {
    chunk_.resize(kChunk);
    QTK_ASSERT(inflateInit2(&stream_, 15 + 16) == Z_OK);  // 15: largest window, 16: gzip wrapper
  }
}

ByteSource::~ByteSource() {
  if (compressed_) inflateEnd(&stream_);
}

std::string_view ByteSource::next() {
  if (compressed_) return inflate_chunk();
  const auto part = rest_.first(std::min(kChunk, rest_.size()));
  rest_ = rest_.subspan(part.size());
  return {reinterpret_cast<const char*>(part.data()), part.size()};
}

std::string_view ByteSource::inflate_chunk() {
  for (;;) {
    if (member_ended_) {
      if (rest_.empty()) return {};
      QTK_ASSERT(inflateReset(&stream_) == Z_OK);  // gzip files may hold several members, one after the other
      member_ended_ = false;
    }
    QTK_CHECK(!rest_.empty(), FormatError,
              "[{}] {}: the gzip data ends too early (the file is truncated); fetch or copy it again", room_, path_);
    const size_t given = std::min<size_t>(rest_.size(), std::numeric_limits<uInt>::max());
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(rest_.data()));
    stream_.avail_in = static_cast<uInt>(given);
    stream_.next_out = reinterpret_cast<Bytef*>(chunk_.data());
    stream_.avail_out = static_cast<uInt>(chunk_.size());
    const int status = ::inflate(&stream_, Z_NO_FLUSH);
    rest_ = rest_.subspan(given - stream_.avail_in);
    QTK_CHECK(status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR, FormatError,
              "[{}] {}: the gzip data is damaged ({}); fetch or copy it again", room_, path_,
              stream_.msg != nullptr ? stream_.msg : "checksum differs");
    member_ended_ = status == Z_STREAM_END;
    const size_t made = chunk_.size() - stream_.avail_out;
    if (made > 0) return {chunk_.data(), made};
  }
}

bool LineReader::next(std::string_view& line) {
  partial_.clear();
  for (;;) {
    if (bytes_.empty()) bytes_ = source_.next();
    if (bytes_.empty()) {
      if (partial_.empty()) return false;
      line = partial_;
      break;
    }
    const size_t end = bytes_.find('\n');
    const std::string_view part = bytes_.substr(0, end);
    const bool whole = end != std::string_view::npos;
    bytes_.remove_prefix(whole ? end + 1 : bytes_.size());
    if (whole && partial_.empty()) {
      line = part;
      break;
    }
    partial_ += part;
    QTK_CHECK(partial_.size() <= kLongestLine, FormatError, "[{}] {}:{}: a line of more than {} bytes, expected text",
              source_.room(), source_.path(), line_ + 1, kLongestLine);
    if (whole) {
      line = partial_;
      break;
    }
  }
  if (line_ == 0 && line.starts_with("\xef\xbb\xbf")) line.remove_prefix(3);
  ++line_;
  if (line.ends_with('\r')) line.remove_suffix(1);
  return true;
}

}  // namespace quantick::market
