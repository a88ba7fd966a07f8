#include "quantick/cli/config_node.h"

#include <gtest/gtest.h>

namespace quantick::cli {
namespace {

struct Inner {
  double rate = 0.5;
  std::vector<int64_t> sizes;
  static constexpr auto fields() { return std::make_tuple(field("rate", &Inner::rate), field("sizes", &Inner::sizes)); }
};

struct Outer {
  std::string name;
  bool loud = false;
  Inner inner;
  ClassConfig model;
  static constexpr auto fields() {
    return std::make_tuple(field("name", &Outer::name), field("loud", &Outer::loud), field("inner", &Outer::inner),
                           field("model", &Outer::model));
  }
};

Outer read(const std::string& text) {
  Outer out;
  read_node(parse_config(text, "run.yaml"), out);
  return out;
}

std::string error_of(const std::string& text) {
  try {
    read(text);
  } catch (const ParseError& error) {
    return error.what();
  }
  return "no error";
}

TEST(ConfigNode, FillsStructsAndKeepsDefaults) {
  const Outer out =
      read("name: a\nloud: true\ninner: {sizes: [1, -2]}\nmodel: {class: LSTM, kwargs: {hidden_size: 3}}\n");
  EXPECT_EQ(out.name, "a");
  EXPECT_TRUE(out.loud);
  EXPECT_EQ(out.inner.rate, 0.5);
  EXPECT_EQ(out.inner.sizes, (std::vector<int64_t>{1, -2}));
  EXPECT_EQ(out.model.name, "LSTM");
  ASSERT_NE(out.model.kwargs.find("hidden_size"), nullptr);
  EXPECT_EQ(out.model.kwargs.find("hidden_size")->path, "model.kwargs.hidden_size");
}

TEST(ConfigNode, OneValueIsAListOfOne) { EXPECT_EQ(read("inner: {sizes: 4}").inner.sizes, (std::vector<int64_t>{4})); }

TEST(ConfigNode, UnknownKeysNameLineAndNearestKey) {
  EXPECT_EQ(error_of("name: a\ninner:\n  rate: 1\n  szies: [1]\n"),
            "run.yaml:4: unknown key \"szies\" (inner.szies), did you mean \"sizes\"?; known here: rate, sizes");
}

TEST(ConfigNode, WrongValuesNameLineKeyAndWhatWasExpected) {
  EXPECT_EQ(error_of("loud: yes\n"), "run.yaml:1: loud, was \"yes\", expected true or false");
  EXPECT_EQ(error_of("inner:\n  rate: fast\n"), "run.yaml:2: inner.rate, was \"fast\", expected a finite number");
  EXPECT_EQ(error_of("inner: {rate: .nan}\n"), "run.yaml:1: inner.rate, was \".nan\", expected a finite number");
  EXPECT_EQ(error_of("inner: {sizes: [1, 2.5]}\n"), "run.yaml:1: inner.sizes[1], was \"2.5\", expected an integer");
  EXPECT_EQ(error_of("inner: [1]\n"), "run.yaml:1: inner, was a list, expected a map of keys and values");
  EXPECT_EQ(error_of("model: LSTM\n"), "run.yaml:1: model, was \"LSTM\", expected {class: NAME, kwargs: {...}}");
  EXPECT_EQ(error_of("model: {kwargs: {a: 1}}\n"), "run.yaml:1: model, was a map, expected a key \"class\"");
}

TEST(ConfigNode, RefusesWhatIsNotOneDocument) {
  EXPECT_EQ(error_of("name: a\nname: b\n"), "run.yaml:2: key \"name\" stands twice");
  EXPECT_NE(error_of("name: [a\n").find("run.yaml:2: not valid YAML"), std::string::npos) << error_of("name: [a\n");
}

TEST(ConfigNode, RefusesAliasesThatGrowWithoutEnd) {
  std::string text = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n";
  for (int i = 1; i < 9; ++i) {
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int k = 0; k < 10; ++k) text += (k == 0 ? "*a" : ", *a") + std::to_string(i - 1);
    text += "]\n";
  }
  EXPECT_NE(error_of(text).find("more than 100000 values"), std::string::npos);
}

}  // namespace
}  // namespace quantick::cli
