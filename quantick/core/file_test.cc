#include "quantick/core/file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <vector>

#include "quantick/core/error.h"

namespace quantick {
namespace {

namespace fs = std::filesystem;

/// A folder of its own for each test, removed at its end.
class FileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "quantick-file-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    fs::permissions(folder_, static_cast<fs::perms>(0755));  // also for WithoutPrivilege
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator(folder_)) found.push_back(entry.path().filename());
    std::sort(found.begin(), found.end());
    return found;
  }

  fs::path folder_;
};

/// Root may read and write everything; this takes the right away for its scope.
class WithoutPrivilege {
 public:
  WithoutPrivilege() {
    if (root_) {
      EXPECT_EQ(::seteuid(65534), 0);
    }
  }
  ~WithoutPrivilege() {
    if (root_) {
      EXPECT_EQ(::seteuid(0), 0);
    }
  }

 private:
  const bool root_ = ::geteuid() == 0;
};

template <class Body>
std::string io_error(Body body) {
  try {
    body();
  } catch (const IoError& error) {
    return error.what();
  }
  return "no IoError";
}

TEST_F(FileTest, WritesAndReadsBackAnyBytes) {
  const std::string text("a\0b\n\xff", 5);
  write_file(path("x.bin"), text);
  EXPECT_EQ(read_file(path("x.bin")), text);
  write_file(path("empty"), "");
  EXPECT_EQ(read_file(path("empty")), "");
  EXPECT_TRUE(MappedFile(path("empty")).bytes().empty());
  const std::string large(3'000'000, 'q');
  write_file(path("large"), large);
  EXPECT_EQ(read_file(path("large")), large);
}

TEST_F(FileTest, ReplacesWholeMakesFoldersAndLeavesNothingElse) {
  write_file(path("a/b/x"), "a long first text");
  write_file(path("a/b/x"), "short");
  EXPECT_EQ(read_file(path("a/b/x")), "short");
  EXPECT_EQ(names(), (std::vector<std::string>{"a", "b", "x"}));
  struct stat info {};
  ASSERT_EQ(::stat(path("a/b/x").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0644u);
}

TEST_F(FileTest, FailedWriteKeepsTheOldFileAndLeavesNothing) {
  fs::create_directories(folder_ / "target/full");  // a folder cannot be replaced by a file
  const std::string text = io_error([&] { write_file(path("target"), "text"); });
  EXPECT_NE(text.find(path("target")), std::string::npos) << text;
  EXPECT_EQ(names(), (std::vector<std::string>{"full", "target"}));
}

TEST_F(FileTest, APipeIsNotReplaced) {
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  const std::string text = io_error([&] { write_file(path("pipe"), "text"); });
  EXPECT_NE(text.find("pipe: not a regular file"), std::string::npos) << text;
  EXPECT_TRUE(std::filesystem::is_fifo(path("pipe")));
}

TEST_F(FileTest, APipeIsNotWaitedFor) {
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  EXPECT_EQ(io_error([&] { read_file(path("pipe")); }), "[file] " + path("pipe") + ": not a regular file");
}

TEST_F(FileTest, WriteBelowAFileNamesThePath) {
  write_file(path("plain"), "x");
  const std::string text = io_error([&] { write_file(path("plain/below"), "y"); });
  EXPECT_NE(text.find(path("plain/below")), std::string::npos) << text;
  EXPECT_NE(text.find("folder"), std::string::npos) << text;
  EXPECT_EQ(read_file(path("plain")), "x");
}

TEST_F(FileTest, WriteIntoAClosedFolderIsRefused) {
  fs::create_directory(folder_ / "closed");
  fs::permissions(folder_ / "closed", static_cast<fs::perms>(0555));
  const std::string text = io_error([&] {
    const WithoutPrivilege scope;
    write_file(path("closed/x"), "y");
  });
  EXPECT_NE(text.find("closed/x: cannot create"), std::string::npos) << text;
  fs::permissions(folder_ / "closed", fs::perms::owner_all);
}

// A limit on the size of files stands in for a full disk: the write stops in the middle.
TEST_F(FileTest, WriteThatStopsInTheMiddleKeepsTheOldFileAndLeavesNothing) {
  write_file(path("x"), "old");
  struct rlimit before {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const struct rlimit small { 10'000, before.rlim_max };
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string text = io_error([&] { write_file(path("x"), std::string(20'000, 'n')); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_NE(text.find(path("x") + ": cannot write"), std::string::npos) << text;
  EXPECT_EQ(read_file(path("x")), "old");
  EXPECT_EQ(names(), (std::vector<std::string>{"x"}));
}

TEST_F(FileTest, MissingFileIsNamedWithTheReason) {
  const std::string text = io_error([&] { MappedFile file(path("nowhere")); });
  EXPECT_EQ(text, "[file] " + path("nowhere") + ": cannot open: No such file or directory");
  EXPECT_EQ(io_error([&] { read_file(path("nowhere")); }), text);
}

TEST_F(FileTest, FolderIsNotAFile) {
  EXPECT_EQ(io_error([&] { read_file(folder_.string()); }), "[file] " + folder_.string() + ": not a regular file");
}

TEST_F(FileTest, UnreadableFileIsRefused) {
  write_file(path("secret"), "x");
  fs::permissions(path("secret"), fs::perms::none);
  const std::string text = io_error([&] {
    const WithoutPrivilege scope;
    read_file(path("secret"));
  });
  EXPECT_EQ(text, "[file] " + path("secret") + ": cannot open: Permission denied");
}

TEST_F(FileTest, MappingMovesAndOutlivesTheName) {
  write_file(path("x"), "text");
  MappedFile first(path("x"));
  const MappedFile second(std::move(first));
  fs::remove(path("x"));
  EXPECT_EQ(second.text(), "text");
}

}  // namespace
}  // namespace quantick
