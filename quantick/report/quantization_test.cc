#include "quantick/report/quantization.h"

#include <gtest/gtest.h>

#include "quantick/report/html_writer.h"

namespace quantick::report {
namespace {

TEST(ReportQuantization, FillsLayersHistogramsFactsAndWarnings) {
  quant::QuantizationReport q;
  q.tensors.resize(2);
  q.tensors[0].name = "input";
  q.tensors[0].dtype = "int6";
  q.tensors[0].histogram = {1, 2, 3};
  q.tensors[0].histogram_high = 1;
  q.tensors[1].name = "fc";
  q.tensors[1].op = "dense";
  q.tensors[1].dtype = q.tensors[1].method = "float32";
  q.float_nodes.push_back({.layer = "fc", .op = "dense", .reason = "excluded by name", .name = "fc"});
  q.corrections.push_back({.correction = "equalization", .layer = "fc", .what = "has no neighbour", .skipped = true});
  q.warnings.push_back("beware");
  q.advice.push_back("widen fc");
  ReportData data;
  data.warnings.push_back("older");
  add_quantization({}, q, data);
  ASSERT_EQ(data.layers.size(), 2U);
  EXPECT_EQ(data.layers[0].kind, "Input");
  EXPECT_FALSE(data.layers[0].kept_in_float);
  EXPECT_EQ(data.layers[1].kind, "Dense");
  EXPECT_TRUE(data.layers[1].kept_in_float);
  EXPECT_EQ(data.layers[1].reason, "excluded by name");
  ASSERT_EQ(data.calibration.size(), 1U);
  EXPECT_EQ(data.calibration[0].bits, 6);
  EXPECT_EQ(data.calibration[0].counts, (std::vector<double>{1, 2, 3}));
  EXPECT_EQ(data.warnings, (std::vector<std::string>{"older", "beware"}));
  const std::string page = to_html(data);
  for (const char* part : {"equalization", "has no neighbour", "widen fc", "naive", "channel-wise"})
    EXPECT_NE(page.find(part), std::string::npos) << part;
}

}  // namespace
}  // namespace quantick::report
