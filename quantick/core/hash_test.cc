#include "quantick/core/hash.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "quantick/core/error.h"
#include "quantick/core/file.h"

namespace quantick {
namespace {

uint64_t xxh3_text(std::string_view text) { return xxh3(std::as_bytes(std::span(text))); }

// Known answers: FIPS 180-4's examples.
TEST(Sha256, KnownAnswers) {
  EXPECT_EQ(Sha256().hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256().update("abc").hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256().update("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq").hex(),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(Sha256().update(std::string(1'000'000, 'a')).hex(),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, PiecesGiveTheHashOfTheWhole) {
  EXPECT_EQ(Sha256().update("a").update("").update("bc").hex(), Sha256().update("abc").hex());
}

TEST(Sha256, TakesNothingAfterItsEnd) {
  Sha256 hash;
  hash.hex();
  EXPECT_THROW(hash.update("more"), InvariantError);
  EXPECT_THROW(hash.hex(), InvariantError);
}

TEST(Sha256, OfAFileIsThatOfItsBytes) {
  const auto path = std::filesystem::temp_directory_path() / ("quantick-hash-" + std::to_string(::getpid()));
  write_file(path.string(), "abc");
  EXPECT_EQ(sha256_file(path.string()), Sha256().update("abc").hex());
  std::filesystem::remove(path);
  EXPECT_THROW(sha256_file(path.string()), IoError);
}

// Known answers: XXH3_64bits with seed 0, from the xxHash specification's reference implementation.
TEST(Xxh3, KnownAnswers) {
  EXPECT_EQ(xxh3_text(""), 0x2d06800538d394c2u);
  EXPECT_EQ(xxh3_text("abc"), 0x78af5f94892f3950u);
  EXPECT_EQ(xxh3({}), xxh3_text(""));
}

TEST(Xxh3, SeesEverySingleBit) {
  std::string text(300, 'x');
  const uint64_t before = xxh3_text(text);
  for (size_t bit = 0; bit < text.size() * 8; ++bit) {
    text[bit / 8] = static_cast<char>(text[bit / 8] ^ (1 << bit % 8));
    EXPECT_NE(xxh3_text(text), before) << "bit " << bit;
    text[bit / 8] = static_cast<char>(text[bit / 8] ^ (1 << bit % 8));
  }
}

}  // namespace
}  // namespace quantick
