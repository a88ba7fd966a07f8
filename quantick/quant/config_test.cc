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
  EXPECT_EQ(config.activation_dtype(), DType::i8);
  EXPECT_EQ(config.input_activation_dtype(), DType::i8);
  config.quantized_dtype = "int16";
  EXPECT_EQ(config.input_activation_dtype(), DType::i16);
  config.input_dtype = "int8";
  EXPECT_EQ(config.input_activation_dtype(), DType::i8);
}

TEST(QuantizationConfig, WhatOtherVersionsHaveIsRefusedByNameWithWhatThereIs) {
  using C = QuantizationConfig;
  expect_refused<UnsupportedError>([](C& c) { c.quantized_dtype = "uint8"; }, "available: auto, int8, int16");
  expect_refused<UnsupportedError>([](C& c) { c.calib_mode = "entropy"; }, "naive, moving_average, percentile");
  expect_refused<UnsupportedError>([](C& c) { c.calib_mode = "none"; }, "dynamic quantization is not in this version");
  expect_refused<UnsupportedError>([](C& c) { c.quantize_mode = "smart"; }, "available: full");
  expect_refused<UnsupportedError>([](C& c) { c.quantize_granularity = "group-wise"; }, "available: channel-wise");
  expect_refused<UnsupportedError>([](C& c) { c.missing = "missing"; }, "available: reject, fill");
}

TEST(QuantizationConfig, WrongValuesAreErrors) {
  using C = QuantizationConfig;
  expect_refused<ValueError>([](C& c) { c.quantized_dtype = "int18"; }, "did you mean int");
  expect_refused<ValueError>([](C& c) { c.weight_bits = 9; }, "weight_bits, was 9");
  expect_refused<ValueError>([](C& c) { c.percentile = 101; }, "percentile, was 101");
  expect_refused<ValueError>([](C& c) { c.output_dtype = "int8"; }, "output_dtype, was \"int8\"");
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
