#include "quantick/quant/config.h"

#include <gtest/gtest.h>

#include "quantick/core/error.h"

namespace quantick::quant {
namespace {

template <class E, class Set>
void expect_refused(Set&& set, std::string_view piece) {
  QuantizationConfig config;
  set(config);
  try {
    config.validate();
    ADD_FAILURE() << "accepted; expected " << piece;
  } catch (const E& error) {
    EXPECT_NE(std::string(error.what()).find(piece), std::string::npos) << error.what();
  }
}

TEST(QuantizationConfig, DefaultsAreValid) {
  QuantizationConfig config;
  config.validate();
  EXPECT_EQ(config.activation_bits(), 8);
  EXPECT_EQ(config.input_bits(), 8);
  EXPECT_EQ(config.default_method(), "static");
  config.quantized_dtype = "int16";
  EXPECT_EQ(config.input_bits(), 16);
  config.input_dtype = "int8";
  EXPECT_EQ(config.input_bits(), 8);
  config.input_dtype = "float32";
  EXPECT_EQ(config.input_bits(), 0);
  config.quantized_dtype = "int4";
  EXPECT_EQ(config.bits_of_weights(), 4);
  EXPECT_EQ(config.activation_bits(), 8);
  config.calib_mode = "none";
  EXPECT_EQ(config.default_method(), "dynamic");
  config.validate();
}

TEST(QuantizationConfig, WhatOtherVersionsHaveIsRefusedByNameWithWhatThereIs) {
  using C = QuantizationConfig;
  expect_refused<UnsupportedError>([](C& c) { c.missing = "missing"; }, "available: reject, fill");
}

TEST(QuantizationConfig, WrongValuesAreErrors) {
  using C = QuantizationConfig;
  expect_refused<ValueError>([](C& c) { c.quantized_dtype = "int18"; }, "did you mean int");
  expect_refused<ValueError>([](C& c) { c.weight_bits = 17; }, "weight_bits, was 17");
  expect_refused<ValueError>([](C& c) { c.percentile = 101; }, "percentile, was 101");
  expect_refused<ValueError>([](C& c) { c.method = "static", c.calib_mode = "none"; }, "needs calibration data");
  expect_refused<ValueError>([](C& c) { c.ranges = {{"input", 0, 1}}; }, "ranges are for calib_mode custom");
  expect_refused<ValueError>([](C& c) { c.corrections = {"bias"}; }, "corrections, was \"bias\"");
  expect_refused<ValueError>([](C& c) { c.layers = {{.match = "*", .method = "statc"}}; }, "did you mean static");
  expect_refused<ValueError>([](C& c) { c.quantized_dtype = "int4", c.weight_bits = 6; }, "weight_bits was 6");
  expect_refused<ValueError>([](C& c) { c.method = "weight_only", c.output_dtype = "int16"; }, "expected float32");
  expect_refused<ValueError>([](C& c) { c.calib_mode = "none", c.input_dtype = "int8"; }, "expected auto or float32");
  expect_refused<ValueError>([](C& c) { c.output_dtype = "int8"; }, "output_dtype, was \"int8\"");
  expect_refused<ValueError>([](C& c) { c.layers = {{.match = "fc"}}; }, "had nothing to set");
  expect_refused<ValueError>([](C& c) { c.layers = {{.method = "static"}}; }, "had no match");
  expect_refused<ValueError>([](C& c) { c.tensors = {{.match = "fc.weight"}}; }, "expected both");
}

TEST(Pattern, MatchesAsAFileGlob) {
  EXPECT_TRUE(matches_pattern("net.lstm0", "*lstm*"));
  EXPECT_TRUE(matches_pattern("net.lstm0", "net.lstm?"));
  EXPECT_TRUE(matches_pattern("abcabc", "*abc"));
  EXPECT_TRUE(matches_pattern("", "*"));
  EXPECT_FALSE(matches_pattern("net.lstm0", "lstm*"));
  EXPECT_FALSE(matches_pattern("net.lstm", "net.lstm?"));
  EXPECT_FALSE(matches_pattern("abcab", "*abc"));
}

}  // namespace
}  // namespace quantick::quant
