#include "quantick/core/hash.h"

#include <openssl/evp.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <utility>

#include "quantick/core/error.h"
#include "quantick/core/file.h"

namespace quantick {

uint64_t xxh3(std::span<const std::byte> bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  QTK_ASSERT(context_ != nullptr && EVP_DigestInit_ex(static_cast<EVP_MD_CTX*>(context_), EVP_sha256(), nullptr) == 1);
}

Sha256::~Sha256() { EVP_MD_CTX_free(static_cast<EVP_MD_CTX*>(context_)); }

Sha256& Sha256::update(std::span<const std::byte> bytes) {
  QTK_ASSERT(context_ != nullptr &&
             EVP_DigestUpdate(static_cast<EVP_MD_CTX*>(context_), bytes.data(), bytes.size()) == 1);
  return *this;
}

Sha256& Sha256::update(std::string_view text) { return update(std::as_bytes(std::span(text))); }

std::string Sha256::hex() {
  std::array<unsigned char, 32> digest{};
  QTK_ASSERT(context_ != nullptr &&
             EVP_DigestFinal_ex(static_cast<EVP_MD_CTX*>(context_), digest.data(), nullptr) == 1);
  // OpenSSL would take more data and return another digest without a word.
  EVP_MD_CTX_free(static_cast<EVP_MD_CTX*>(std::exchange(context_, nullptr)));
  std::string text;
  for (unsigned char byte : digest) text += fmt::format("{:02x}", byte);
  return text;
}

std::string sha256_file(const std::string& path) {
  const MappedFile file(path);
  return Sha256().update(file.bytes()).hex();
}

}  // namespace quantick
