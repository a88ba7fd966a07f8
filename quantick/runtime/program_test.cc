#include "quantick/runtime/program.h"

#include <gtest/gtest.h>

#include <limits>

#include "quantick/core/error.h"
#include "quantick/runtime/random_program.h"

namespace quantick::runtime {
namespace {

Program small() { return random_lstm({.features = 3, .units = 4, .layers = 1, .outputs = 2}, 7); }

template <class Change>
std::string refusal(Change&& change) {
  Program program = small();
  change(program);
  try {
    program.check();
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Program, IsEqualOnlyToItself) {
  EXPECT_TRUE(small() == small());
  EXPECT_FALSE(small() == random_lstm({.features = 3, .units = 4, .layers = 1, .outputs = 2}, 8));
  Program other = small();
  other.metadata["label"] = "return over 5 days";
  EXPECT_FALSE(small() == other);
  other = small();
  other.values[1].format.scale *= 2;
  EXPECT_FALSE(small() == other);
  other = small();
  other.nodes[0].layer = "x";
  EXPECT_FALSE(small() == other);
}

TEST(Program, TextNamesWhatItDoes) {
  const std::string text = small().text();
  for (const char* piece : {"lstm", "dense", "int8", "int16", "layer \"head\"", "output", "missing values: reject"})
    EXPECT_NE(text.find(piece), std::string::npos) << piece << "\n" << text;
}

TEST(Program, CheckNamesWhatIsWrong) {
  const auto contains = [](const std::string& text, std::string_view piece) {
    EXPECT_NE(text.find(piece), std::string::npos) << text;
  };
  EXPECT_EQ(refusal([](Program&) {}), "accepted");
  contains(refusal([](Program& p) { p.nodes[0].inputs[0] = 99; }), "names value 99");
  contains(refusal([](Program& p) { p.nodes[0].inputs[0] = -1; }), "names value -1");
  contains(refusal([](Program& p) { std::swap(p.nodes[0], p.nodes[1]); }), "before it is made");
  contains(refusal([](Program& p) { p.nodes[1].output = p.nodes[0].output; }), "made twice");
  contains(refusal([](Program& p) { p.nodes[0].op = "lstn"; }), "lstm");
  contains(refusal([](Program& p) { p.nodes[0].op = "argmax"; }), "no fixed-bits form");
  contains(refusal([](Program& p) { p.values[0].format.scale = 0; }), "scale of x");
  contains(refusal([](Program& p) { p.values[0].format.scale = std::numeric_limits<float>::quiet_NaN(); }), "scale");
  contains(refusal([](Program& p) { p.values[0].format.zero_point = 128; }), "zero point of x");
  contains(refusal([](Program& p) { p.values[0].format.dtype = DType::f64; }), "float64");
  contains(refusal([](Program& p) { p.values[0].channels = Shape{int64_t{1} << 40}; }), "channels of x");
  contains(refusal([](Program& p) { p.values[0].sequence = false; }), "mixes a sequence with a frame");
  contains(refusal([](Program& p) { p.inputs[0].columns = {"one"}; }), "column names of x, were 1, expected 3");
  contains(refusal([](Program& p) { p.inputs.push_back(p.inputs[0]); }), "one input and one output");
  contains(refusal([](Program& p) { p.outputs.clear(); }), "one input and one output");
  contains(refusal([](Program& p) { p.inputs[0].missing = MissingPolicy::fill, p.inputs[0].fill = 1e9f; }),
           "expected a point of its grid");
}

TEST(Program, RefusesTheMaskPolicyByName) {
  EXPECT_THROW(missing_policy_from_name("missing"), UnsupportedError);
  EXPECT_THROW(missing_policy_from_name("drop"), ValueError);
  EXPECT_EQ(missing_policy_name(missing_policy_from_name("fill")), "fill");
}

}  // namespace
}  // namespace quantick::runtime
