#pragma once
// Checksums: XXH3 is fast and checked at every load; SHA-256 is the identity that a person can quote.
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace quantick {

/// 64-bit XXH3.
uint64_t xxh3(std::span<const std::byte> bytes);

/// SHA-256 over any number of pieces.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  Sha256& update(std::span<const std::byte> bytes);
  Sha256& update(std::string_view text);
  /// Lower-case hexadecimal digest. Ends the object: a later update() or hex() throws InvariantError.
  std::string hex();

 private:
  void* context_;
};

/// SHA-256 of a whole file, in hexadecimal.
std::string sha256_file(const std::string& path);

}  // namespace quantick
