#include "quantick/cli/npy.h"

#include <gtest/gtest.h>

#include <fstream>

#include "quantick/core/error.h"
#include "quantick/core/rng.h"
#include "quantick/market/test_files.h"
#include "quantick/tensor/random_array.h"

namespace quantick::cli {
namespace {

using market::testing::message_of;
using market::testing::TemporaryFolder;

/// A file with this header and `count` elements 0, 1, 2, ...
template <class T>
std::string npy(std::string header, int count, int version = 1) {
  std::string out = "\x93NUMPY";
  out += static_cast<char>(version);
  out += '\0';
  const auto length = static_cast<uint32_t>(header.size());
  out.append(reinterpret_cast<const char*>(&length), version == 1 ? 2 : 4);
  out += header;
  for (int i = 0; i < count; ++i) {
    const auto value = static_cast<T>(i);
    out.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  return out;
}

TEST(Npy, KeepsShapeAndBits) {
  const TemporaryFolder folder;
  const std::string path = folder.path("a.npy");
  for (const Shape& shape : {Shape{}, Shape{5}, Shape{3, 4}, Shape{2, 0, 3}, Shape{1, 2, 1, 2, 1, 2, 1, 2}}) {
    const Array x = normal_array(shape, 1, Key(1));
    write_npy(path, x);
    EXPECT_TRUE(same_bits(read_npy(path), x)) << shape.text();
  }
  const Array strided = normal_array({6, 4}, 1, Key(2)).transpose({1, 0}).slice(1, 0, 6, 2);
  write_npy(path, strided);
  EXPECT_TRUE(same_bits(read_npy(path), strided.contiguous()));
}

TEST(Npy, DataBeginsAtAMultipleOf64) {
  const TemporaryFolder folder;
  for (int64_t extent : {1, 10, 100000}) {
    write_npy(folder.path("a.npy"), Array::zeros({extent}));
    EXPECT_EQ((read_file(folder.path("a.npy")).size() - static_cast<size_t>(extent) * 4) % 64, 0U);
  }
}

TEST(Npy, ReadsBothFormatsOrdersAndWidths) {
  const TemporaryFolder folder;
  const Array c = read_npy(
      folder.file("c.npy", npy<double>("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }  \n", 6, 2)));
  EXPECT_EQ(c.dtype(), DType::f64);
  EXPECT_EQ(c.shape(), (Shape{2, 3}));
  EXPECT_EQ(c.to_vector<double>(), (std::vector<double>{0, 1, 2, 3, 4, 5}));
  // Keys in another order, no comma at the end, double quotes.
  const Array fortran =
      read_npy(folder.file("f.npy", npy<float>("{\"shape\": (2,3), \"fortran_order\":True, \"descr\": \"<f4\"}", 6)));
  EXPECT_EQ(fortran.shape(), (Shape{2, 3}));
  EXPECT_EQ(fortran.to_vector<float>(), (std::vector<float>{0, 2, 4, 1, 3, 5}));
}

TEST(Npy, EveryCutAndEveryAlteredHeaderByteIsRefusedOrHarmless) {
  const TemporaryFolder folder;
  const std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n";
  const std::string whole = npy<float>(header, 6);
  for (size_t length = 0; length < whole.size(); ++length) {
    const std::string path = folder.path("cut.npy");
    std::ofstream(path, std::ios::binary) << whole.substr(0, length);
    EXPECT_THROW(read_npy(path), Error) << length;
  }
  EXPECT_THROW(read_npy(folder.file("long.npy", whole + "x")), FormatError);
  // Any other byte: an error of ours, or a file that still says what it holds.
  for (size_t at = 0; at < whole.size() - 24; ++at)
    for (const int byte : {0, 10, 32, 39, 40, 44, 57, 93, 128, 255}) {
      std::string altered = whole;
      altered[at] = static_cast<char>(byte);
      const std::string path = folder.path("altered.npy");
      std::ofstream(path, std::ios::binary) << altered;
      try {
        EXPECT_EQ(read_npy(path).size(), 6);
      } catch (const Error&) {
      }
    }
}

TEST(Npy, ErrorsNameFileAndPart) {
  const TemporaryFolder folder;
  const auto error = [&](const std::string& text) {
    return message_of<Error>([&] { read_npy(folder.file("bad.npy", text)); });
  };
  EXPECT_CONTAINS(error("no array"), "bad.npy: not a .npy file");
  EXPECT_CONTAINS(error(npy<float>("{'descr': '>f4', 'fortran_order': False, 'shape': (2,), }", 2)),
                  "elements of \">f4\", expected \"<f4\" or \"<f8\"");
  EXPECT_CONTAINS(error(npy<float>("{'descr': '<i4', 'fortran_order': False, 'shape': (2,), }", 2)), "\"<i4\"");
  EXPECT_CONTAINS(error(npy<float>("{'descr': '<f4', 'shape': (2,), }", 2)), "expected descr, fortran_order and shape");
  EXPECT_CONTAINS(error(npy<float>("{'descr': '<f4', 'descr': '<f4', 'shape': (2,), }", 2)), "was \"descr\"");
  EXPECT_CONTAINS(error(npy<float>("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", 2)),
                  "8 bytes of data, which shape (3,) of float32 does not take");
  EXPECT_CONTAINS(error(npy<float>("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387906, 4), }", 2)),
                  "does not take");
  EXPECT_CONTAINS(error(npy<float>("{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,2), }", 2)),
                  "more than 8 dimensions");
  EXPECT_CONTAINS(error(npy<float>("{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), }", 2)), "whole number");
  EXPECT_CONTAINS(error(npy<float>("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), } 1", 2)), "after");
  EXPECT_CONTAINS(error(npy<float>("{}", 2, 3)), "format 3, expected 1 or 2");
  EXPECT_CONTAINS(message_of<IoError>([&] { read_npy(folder.path("none.npy")); }), "none.npy");
}

}  // namespace
}  // namespace quantick::cli
