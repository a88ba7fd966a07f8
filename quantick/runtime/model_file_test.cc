#include "quantick/runtime/model_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "quantick/core/error.h"
#include "quantick/core/file.h"
#include "quantick/core/hash.h"
#include "quantick/core/rng.h"
#include "quantick/runtime/program_builder.h"
#include "quantick/runtime/random_program.h"
#include "quantick/runtime/session.h"

namespace quantick::runtime {
namespace {

/// A path of this test alone, removed at the end.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& name)
      : path_((std::filesystem::temp_directory_path() / fmt::format("qtk-{}-{}", ::getpid(), name)).string()) {}
  ~TemporaryFile() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

Program small() {
  Program program = random_lstm({.features = 2, .units = 2, .layers = 1, .outputs = 1}, 7);
  program.metadata["label"] = "return over 5 days";
  program.inputs[0].columns = {"close", "volume"};
  return program;
}

/// One node of every kind that a program may hold.
Program varied() {
  ProgramBuilder builder;
  int value = builder.add_input("x", {DType::i8, 0.03f, 5}, Shape{3}, true);
  const auto add = [&](const char* op, const std::vector<int>& inputs, const Arrays& parameters, int64_t width,
                       const TensorFormat& output) {
    NodeSpec spec{.layer = op, .name = op, .inputs = inputs, .parameters = parameters, .channels = Shape{width}};
    spec.output = output;
    if (std::string_view(op) == "dense") spec.attributes = {{"flatten", false}};
    return builder.add_node(find_operator(op), spec);
  };
  const TensorFormat i8{DType::i8, 0.05f, -3};
  const auto ramp = [](const Shape& shape) {
    std::vector<float> values(static_cast<size_t>(shape.size()));
    for (size_t i = 0; i < values.size(); ++i) values[i] = 0.1f * static_cast<float>(i % 17) - 0.7f;
    return Array::from(values, shape);
  };
  value = add("lstm", {value}, {ramp({8, 3}), ramp({8, 2}), ramp({8}), ramp({8}), Array(), Array()}, 2, {});
  value = add("layer_norm", {value}, {ramp({2}), ramp({2})}, 2, i8);
  value = add("dropout", {value}, {}, 2, {});
  value = add("sequence_last", {value}, {}, 2, {});
  const int a = add("relu", {add("dense", {value}, {ramp({4, 2}), ramp({4})}, 4, i8)}, {}, 4, {});
  const int b = add("sigmoid", {add("dense", {value}, {ramp({4, 2}), Array()}, 4, i8)}, {}, 4, i8);
  const int c = add("tanh", {add("add", {a, b}, {}, 4, i8)}, {}, 4, i8);
  return builder.finish(add("dense", {c}, {ramp({1, 4}), ramp({1})}, 1, {}), "y");
}

void put(const std::string& path, const std::string& bytes) {
  // A new file each time: truncating an old one makes some file systems wait for the disk.
  std::filesystem::remove(path);
  FILE* f = std::fopen(path.c_str(), "wb");
  ASSERT_NE(f, nullptr);
  std::fwrite(bytes.data(), 1, bytes.size(), f);
  std::fclose(f);
}

/// Loads; true where it was refused as it should be. Any other exception, or a crash, fails the test.
bool refused(const std::string& path, const std::string& bytes) {
  put(path, bytes);
  try {
    load(path);
  } catch (const FormatError& error) {
    EXPECT_NE(std::string(error.what()).find(path), std::string::npos) << error.what();
    return true;
  }
  return false;
}

TEST(ModelFile, RoundTripKeepsEveryBit) {
  const TemporaryFile file("round-trip.qtk"), again("again.qtk");
  const Program program = random_lstm({.features = 7, .units = 9}, 5);
  const std::string sha = save(program, file.path());
  EXPECT_EQ(sha.size(), 64u);
  const Program back = load(file.path());
  EXPECT_TRUE(back == program);
  EXPECT_EQ(verify(file.path()), sha);
  EXPECT_EQ(identity(program), sha);
  EXPECT_EQ(save(back, again.path()), sha);
  EXPECT_EQ(read_file(again.path()), read_file(file.path()));
  const Array x = random_input(program, 30, 4, 1);
  EXPECT_TRUE(same_bits(Session(back).run(x), Session(program).run(x)));
}

TEST(ModelFile, EveryKindOfNodeComesBack) {
  const TemporaryFile file("varied.qtk");
  const Program program = varied();
  save(program, file.path());
  EXPECT_TRUE(load(file.path()) == program);
}

TEST(ModelFile, IdentityFollowsContent) {
  Program program = small();
  const std::string sha = identity(program);
  program.metadata["label"] = "return over 6 days";
  EXPECT_NE(identity(program), sha);
  EXPECT_NE(identity(random_lstm({.features = 2, .units = 2, .layers = 1, .outputs = 1}, 8)), sha);
}

TEST(ModelFile, LayoutIsThatOfSafetensorsAndAligned) {
  const TemporaryFile file("layout.qtk");
  save(small(), file.path());
  const std::string bytes = read_file(file.path());
  uint64_t header = 0;
  std::memcpy(&header, bytes.data(), 8);
  ASSERT_LT(header, bytes.size());
  EXPECT_EQ((8 + header) % 64, 0u);
  EXPECT_EQ(bytes[8], '{');
  EXPECT_NE(bytes.find("\"__metadata__\""), std::string::npos);
  EXPECT_NE(bytes.find("golden.output"), std::string::npos);
}

/// A file whose bytes are changed in place: as quick as trying every bit of it asks for.
class ChangingFile {
 public:
  ChangingFile(const std::string& path, const std::string& bytes) : path_(path) {
    put(path, bytes);
    fd_ = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    EXPECT_GE(fd_, 0);
  }
  ~ChangingFile() { ::close(fd_); }
  ChangingFile(const ChangingFile&) = delete;
  ChangingFile& operator=(const ChangingFile&) = delete;

  void write(size_t at, char byte) { EXPECT_EQ(::pwrite(fd_, &byte, 1, static_cast<off_t>(at)), 1); }
  void cut(size_t bytes) { EXPECT_EQ(::ftruncate(fd_, static_cast<off_t>(bytes)), 0); }

  /// What the refusal says; empty where the file was loaded.
  std::string refusal() const {
    try {
      load(path_);
    } catch (const FormatError& error) {
      return error.what();
    }
    return "";
  }

 private:
  std::string path_;
  int fd_ = -1;
};

TEST(ModelFile, EveryTruncationIsRefused) {
  const TemporaryFile file("whole.qtk"), cut("cut.qtk");
  save(small(), file.path());
  const std::string bytes = read_file(file.path());
  ChangingFile changing(cut.path(), bytes);
  EXPECT_EQ(changing.refusal(), "");
  for (size_t n = bytes.size(); n-- > 0;) {
    changing.cut(n);
    const std::string text = changing.refusal();
    ASSERT_TRUE(text.find(cut.path()) != std::string::npos &&
                (text.find("truncated") != std::string::npos || text.find("too few") != std::string::npos))
        << n << " bytes: " << text;
  }
  EXPECT_TRUE(refused(cut.path(), bytes + std::string(1, '\0')));
}

TEST(ModelFile, EverySingleBitFlipIsRefused) {
  const TemporaryFile file("good.qtk"), bad("flipped.qtk");
  save(small(), file.path());
  const std::string bytes = read_file(file.path());
  ASSERT_LT(bytes.size(), 20'000u);
  ChangingFile changing(bad.path(), bytes);
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    const char byte = bytes[bit / 8];
    changing.write(bit / 8, static_cast<char>(byte ^ 1 << bit % 8));
    const std::string text = changing.refusal();
    ASSERT_TRUE(text.find(bad.path()) != std::string::npos &&
                (text.find("altered") != std::string::npos || text.find("truncated") != std::string::npos))
        << "bit " << bit << ": " << text;
    changing.write(bit / 8, byte);
  }
  EXPECT_EQ(changing.refusal(), "");
}

TEST(ModelFile, ThePlanThatWasReplayedGivesTheBitsOfTheProgram) {
  const TemporaryFile file("planned.qtk");
  const Program program = random_lstm({.features = 7, .units = 9}, 5);
  save(program, file.path());
  const LoadedProgram loaded = load_with_plan(file.path());
  EXPECT_TRUE(loaded.program == program);
  const Array x = random_input(program, 30, 4, 1);
  EXPECT_TRUE(same_bits(Session(loaded.plan).run(x), Session(program).run(x)));
}

/// A file whose header was changed and whose checksum fits the change: what only a hostile writer makes.
std::string with_header(const std::string& bytes, std::string header) {
  uint64_t old = 0;
  std::memcpy(&old, bytes.data(), 8);
  header.resize((8 + header.size() + 63) / 64 * 64 - 8, ' ');
  const uint64_t size = header.size();
  std::string out(reinterpret_cast<const char*>(&size), 8);
  out += header;
  const uint64_t sum = xxh3(std::as_bytes(std::span(out)));
  out += bytes.substr(8 + old);
  std::memcpy(out.data() + 8 + size, &sum, 8);
  return out;
}

std::string header_of(const std::string& bytes) {
  uint64_t size = 0;
  std::memcpy(&size, bytes.data(), 8);
  return bytes.substr(8, size);
}

TEST(ModelFile, HostileHeadersAreRefused) {
  const TemporaryFile file("source.qtk"), bad("hostile.qtk");
  save(small(), file.path());
  const std::string bytes = read_file(file.path()), header = header_of(bytes);
  EXPECT_FALSE(refused(bad.path(), with_header(bytes, header)));
  const auto replaced = [&](const std::string& from, const std::string& to) {
    const size_t at = header.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    std::string changed = header;
    return with_header(bytes, changed.replace(at, from.size(), to));
  };
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"\"data_offsets\":[0,64]", "\"data_offsets\":[0,18446744073709551615]"},
           {"\"data_offsets\":[0,64]", "\"data_offsets\":[64,0]"},
           {"\"data_offsets\":[0,64]", "\"data_offsets\":[0.0,64]"},
           {"\"data_offsets\":[0,64]", "\"data_offsets\":[-1,64]"},
           {"\"shape\":[", "\"shape\":[4611686018427387904,4,"},
           {"\"shape\":[", "\"shape\":[1,1,1,1,1,1,1,1,1,1,1,"},
           {"\"dtype\":\"I8\"", "\"dtype\":\"F64\""},
           {"\"dtype\":\"I8\"", "\"dtype\":\"Q8\""},
           {"{", "{\"checksum\":{},"},
           {"\"version\":\"2\"", "\"version\":\"1\""},
           {"\\\"op\\\":\\\"lstm\\\"", "\\\"op\\\":\\\"no_such\\\""},
           {"\\\"op\\\":\\\"lstm\\\"", "\\\"op\\\":\\\"dense\\\""},
           {"\\\"output\\\":1", "\\\"output\\\":1000000"},
           {"\\\"inputs\\\":[0]", "\\\"inputs\\\":[0,0,0,0,0,0,0,0,0,0]"},
           {"\\\"channels\\\":[2]", "\\\"channels\\\":[16777216]"},
           {"\\\"channels\\\":[2]", "\\\"channels\\\":[3]"},
           {"\\\"channels\\\":[1]", "\\\"channels\\\":[2]"},
           {"\\\"missing\\\":\\\"reject\\\"", "\\\"missing\\\":\\\"missing\\\""},
           {"\"__metadata__\"", std::string(100000, '[')},
           {header, "{}"},
           {header, "null"},
           {header, ""}})
    EXPECT_TRUE(refused(bad.path(), replaced(from, to))) << from << " -> " << to.substr(0, 80);
  std::string huge = bytes;
  const uint64_t enormous = ~uint64_t{0} - 7;
  std::memcpy(huge.data(), &enormous, 8);
  EXPECT_TRUE(refused(bad.path(), huge));
}

TEST(ModelFile, ValuesOfAnotherWidthThanTheirOperatorsAreRefused) {
  const auto refused_program = [](size_t value, int64_t width) {
    Program program = varied();
    program.values[value].channels = Shape{width};
    try {
      const Session session(program);
    } catch (const Error&) {
      return true;
    }
    return false;
  };
  const Program program = varied();
  for (size_t v = 0; v < program.values.size(); ++v)
    for (const int64_t width : {int64_t{1}, int64_t{2}, int64_t{7}})
      if (program.values[v].channels.size() != width) {
        EXPECT_TRUE(refused_program(v, width)) << program.values[v].name << " " << width;
      }
}

TEST(ModelFile, RandomMutationsNeitherCrashNorPass) {
  const TemporaryFile file("seed.qtk"), bad("mutant.qtk");
  const Program program = varied();
  save(program, file.path());
  const std::string bytes = read_file(file.path()), header = header_of(bytes);
  const Key key(99);
  int64_t accepted = 0;
  for (uint64_t trial = 0; trial < 1500; ++trial) {
    const Key k = key.fold(trial);
    std::string changed = header;
    for (uint64_t edit = 0; edit <= k.below(0, 3); ++edit) {
      const size_t at = k.below(1 + 4 * edit, changed.size());
      switch (k.below(2 + 4 * edit, 4)) {
        case 0:
          changed[at] = "0123456789-.,:\"[]{}eE"[k.below(3 + 4 * edit, 21)];
          break;
        case 1:
          changed.erase(at, 1 + k.below(3 + 4 * edit, 8));
          break;
        case 2:
          changed.insert(at, changed.substr(k.below(3 + 4 * edit, changed.size()), 12));
          break;
        default:
          changed.insert(at, "9");
      }
    }
    put(bad.path(), with_header(bytes, changed));
    // A changed name or note may stay readable; what is read must then still be a program that runs.
    try {
      const Program read = load(bad.path());
      Session(read).run(random_input(read, 3, 2, 1));
      ++accepted;
    } catch (const FormatError&) {
      continue;
    }
    // The identity tells whether what counts is still the same.
    try {
      verify(bad.path());
      EXPECT_TRUE(load(bad.path()) == program);
    } catch (const FormatError& error) {
      EXPECT_NE(std::string(error.what()).find("identity"), std::string::npos) << error.what();
    }
  }
  EXPECT_LT(accepted, 300);
}

TEST(ModelFile, TheGoldenPairIsReplayed) {
  const TemporaryFile file("golden.qtk"), bad("golden-bad.qtk");
  save(small(), file.path());
  const std::string bytes = read_file(file.path());
  // Another zero point of the first value, and nothing else: well formed, but other numbers come out.
  std::string header = header_of(bytes);
  const size_t zero = header.find("\\\"zero_point\\\":");
  ASSERT_NE(zero, std::string::npos);
  const size_t digits = zero + 15, end = header.find_first_of(",}", digits);
  header.replace(digits, end - digits, header.substr(digits, end - digits) == "1" ? "2" : "1");
  put(bad.path(), with_header(bytes, header));
  try {
    load(bad.path());
    FAIL() << "a program with other numbers was accepted";
  } catch (const FormatError& error) {
    EXPECT_NE(std::string(error.what()).find("golden"), std::string::npos) << error.what();
  }
}

TEST(ModelFile, WhatCannotBeWrittenLeavesNothingBehind) {
  const TemporaryFile file("never.qtk");
  Program program = small();
  program.metadata["label"] = "\xff\xfe";
  EXPECT_THROW(save(program, file.path()), ValueError);
  program = small();
  program.nodes[0].constants.clear();
  EXPECT_THROW(save(program, file.path()), FormatError);
  EXPECT_FALSE(std::filesystem::exists(file.path()));
}

TEST(ModelFile, MissingFilesAndFoldersAreIoErrors) {
  EXPECT_THROW(load("/nonexistent/model.qtk"), IoError);
  EXPECT_THROW(load(std::filesystem::temp_directory_path().string()), IoError);
}

}  // namespace
}  // namespace quantick::runtime
