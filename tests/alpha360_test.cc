// The CSI 300 block of Alpha360 features: real distributions with missing cells, float against int8. 1,000 rows of four
// days say nothing about returns.
#include <gtest/gtest.h>

#include <cmath>
#include <tuple>
#include <vector>

#include "quantick/market/csv.h"
#include "quantick/market/test_files.h"
#include "quantick/nn/nn.h"
#include "quantick/quant/quantizer.h"

namespace quantick {
namespace {

constexpr int64_t kSteps = 60, kFields = 6;  // columns run field by field, from the oldest lag to the newest

struct Block {
  std::vector<std::string> dates;  ///< by row
  std::vector<std::vector<float>> rows;
};

Block read_block(const std::string& path) {
  Block out;
  market::CsvReader csv(path);
  while (csv.next()) {
    out.dates.emplace_back(csv.cells()[0]);
    auto& row = out.rows.emplace_back();
    for (size_t c = 2; c < csv.header().size(); ++c) row.push_back(static_cast<float>(market::parse_number(csv, c)));
  }
  return out;
}

/// Rows [begin, end) as [steps, rows, fields].
Array sequences(const Block& block, size_t begin, size_t end) {
  std::vector<float> values;
  for (int64_t step = 0; step < kSteps; ++step)
    for (size_t r = begin; r < end; ++r)
      for (int64_t f = 0; f < kFields; ++f) values.push_back(block.rows[r][static_cast<size_t>(f * kSteps + step)]);
  return Array::from(values, Shape{kSteps, static_cast<int64_t>(end - begin), kFields});
}

int64_t missing_in(const Array& x) {
  int64_t count = 0;
  for (const float v : x.to_vector<float>()) count += std::isnan(v);
  return count;
}

TEST(Alpha360, AGruKeepsItsScoresOverMissingCellsAndHeavyTails) {
  const std::string path = market::testing::shared_data("cn_csi300_alpha360_x_2015.csv.gz");
  QTK_NEEDS_DATA(path);
  const Block block = read_block(path);
  ASSERT_EQ(block.rows.size(), 1000U);
  ASSERT_EQ(block.rows[0].size(), static_cast<size_t>(kSteps * kFields));
  size_t last_day = 0;
  while (block.dates[last_day] != block.dates.back()) ++last_day;
  const Array seen = sequences(block, 0, last_day), unseen = sequences(block, last_day, block.rows.size());
  EXPECT_EQ(missing_in(seen) + missing_in(unseen), 71290);

  nn::Sequential net;
  net.add(nn::GRU(32, {.h2h_weight_initializer = nn::orthogonal()}));
  net.add(nn::SequenceLast());
  net.add(nn::Dense(1));
  net.initialize(nn::xavier(), 11);
  const Array expected = net(quant::with_missing_filled(unseen, 0));
  quant::QuantizationConfig config;
  config.missing = "fill";
  // Unscaled features: the largest value is 240 times the median, which leaves int8 a few steps for all the others.
  for (const auto& [mode, input, least] : {std::tuple{"percentile", "int8", 12.0}, {"naive", "int16", 25.0}}) {
    config.calib_mode = mode;
    config.input_dtype = input;
    const auto fixed = quant::quantize_net(net, config, seen);
    EXPECT_EQ(fixed.report.tensors[0].missing, missing_in(seen));
    EXPECT_EQ(fixed.report.tensors[0].observed, seen.size() - missing_in(seen));
    const Array scores = fixed.predict(unseen);
    for (const float v : scores.to_vector<float>()) ASSERT_TRUE(std::isfinite(v));
    const double sqnr = quant::sqnr_db(expected, scores, true);
    EXPECT_GE(sqnr, least) << mode << " " << input;
    RecordProperty(input, std::to_string(sqnr));
  }
  config.missing = "reject";
  const auto strict = quant::quantize_net(net, config, seen);
  EXPECT_THROW(strict.predict(unseen), ValueError);
}

}  // namespace
}  // namespace quantick
