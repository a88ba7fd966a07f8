#include "quantick/core/env.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "quantick/core/error.h"

namespace quantick {
namespace {

/// Sets a variable for one test and puts the old value back.
class Variable {
 public:
  Variable(std::string name, const char* value) : name_(std::move(name)), old_(environment(name_)) {
    value != nullptr ? ::setenv(name_.c_str(), value, 1) : ::unsetenv(name_.c_str());
  }
  ~Variable() { old_ ? ::setenv(name_.c_str(), old_->c_str(), 1) : ::unsetenv(name_.c_str()); }

 private:
  std::string name_;
  std::optional<std::string> old_;
};

TEST(Environment, TableHasEachSwitchOnceAndExplainsIt) {
  std::set<std::string_view> names;
  for (const auto& entry : environment_switches()) {
    EXPECT_TRUE(entry.name.starts_with("QTK_")) << entry.name;
    EXPECT_TRUE(names.insert(entry.name).second) << entry.name << " twice";
    EXPECT_FALSE(entry.accepted.empty()) << entry.name;
    EXPECT_FALSE(entry.meaning.empty()) << entry.name;
  }
  EXPECT_TRUE(names.contains("QTK_ISA"));
  EXPECT_TRUE(names.contains("QTK_THREADS"));
}

TEST(Environment, ReadsASwitchAndTakesEmptyForUnset) {
  {
    const Variable set("QTK_CACHE", "/somewhere");
    EXPECT_EQ(environment("QTK_CACHE"), "/somewhere");
  }
  {
    const Variable empty("QTK_CACHE", "");
    EXPECT_EQ(environment("QTK_CACHE"), std::nullopt);
  }
  const Variable unset("QTK_CACHE", nullptr);
  EXPECT_EQ(environment("QTK_CACHE"), std::nullopt);
}

TEST(Environment, RefusesANameOutsideTheTable) {
  EXPECT_THROW(environment("QTK_CASHE"), InvariantError);
  EXPECT_THROW(environment("PATH"), InvariantError);
}

}  // namespace
}  // namespace quantick
