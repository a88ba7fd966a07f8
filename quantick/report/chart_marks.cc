// The small pictures that stand in tables and grids: histogram, heat cell, interval.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <vector>

#include "quantick/report/chart.h"
#include "quantick/report/chart_scale.h"
#include "quantick/report/format.h"

namespace quantick::report {
namespace {

constexpr size_t kMostBins = 96;       // drawn; the JSON keeps all
constexpr double kDeepestHeat = 0.58;  // opacity at which dark text is still read well
constexpr double kSmallestHeat = 0.04;

/// Sums neighbouring bins until at most kMostBins are left.
std::vector<double> merged_bins(const std::vector<double>& counts) {
  const size_t group = (counts.size() + kMostBins - 1) / kMostBins;
  std::vector<double> out;
  for (size_t i = 0; i < counts.size(); ++i) {
    if (i % group == 0) out.push_back(0);
    out.back() += std::isfinite(counts[i]) ? counts[i] : 0;
  }
  return out;
}

}  // namespace

std::string histogram(const CalibrationTensor& tensor) {
  if (tensor.counts.empty() || !std::isfinite(tensor.bins_low) || !std::isfinite(tensor.bins_high)) return "";
  double low = tensor.bins_low;
  double high = tensor.bins_high;
  if (std::isfinite(tensor.range_low)) low = std::min(low, tensor.range_low);
  if (std::isfinite(tensor.range_high)) high = std::max(high, tensor.range_high);
  if (!(high > low)) {  // a constant tensor
    low -= 1;
    high += 1;
  }
  const auto x = [&](double v) { return (v - low) / (high - low) * kCanvas; };
  std::string svg;
  if (tensor.range_low <= tensor.range_high) {
    svg = fmt::format("<path class=\"band\" d=\"M{0:.1f} 0H{1:.1f}V1000H{0:.1f}Z\"/>", x(tensor.range_low),
                      x(tensor.range_high));
  }
  const std::vector<double> bins = merged_bins(tensor.counts);
  const double most = *std::max_element(bins.begin(), bins.end());
  const size_t group = (tensor.counts.size() + kMostBins - 1) / kMostBins;
  const double width = (tensor.bins_high - tensor.bins_low) / static_cast<double>(tensor.counts.size());
  std::string path;
  for (size_t b = 0; b < bins.size(); ++b) {
    if (!(bins[b] > 0)) continue;
    const double left = x(tensor.bins_low + width * static_cast<double>(b * group));
    const double end =
        x(tensor.bins_low + width * static_cast<double>(std::min((b + 1) * group, tensor.counts.size())));
    const double top = kCanvas - std::log1p(bins[b]) / std::log1p(most) * 940;  // headroom of 6 % above the tallest
    fmt::format_to(std::back_inserter(path), "M{0:.1f} 1000V{1:.1f}H{2:.1f}V1000Z", left, top, std::max(end, left + 4));
  }
  fmt::format_to(std::back_inserter(svg), "<path class=\"bar c-float32\" d=\"{}\"/>", path);
  for (const double edge : {tensor.range_low, tensor.range_high}) {
    if (std::isfinite(edge))
      fmt::format_to(std::back_inserter(svg), "<path class=\"edge\" d=\"M{:.1f} 0V1000\"/>", x(edge));
  }
  const std::string range =
      fmt::format("{} to {}", format_significant(tensor.range_low), format_significant(tensor.range_high));
  return fmt::format(
      "<figure class=\"histogram\"><figcaption><b>{0}</b><span class=\"note\">{1}</span></figcaption>"
      "<svg viewBox=\"0 0 1000 1000\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{0}: histogram from {2} "
      "to "
      "{3}, chosen range {4}\">{5}</svg><div class=\"ends\" aria-hidden=\"true\"><span>{2}</span><span>{3}</span></div>"
      "<p class=\"note\"><span>range {4},</span> <span>scale {6},</span> <span>zero point {7},</span> <span>{8} "
      "bits</span></p></figure>",
      escape(tensor.name), escape(tensor.observer), format_significant(low, 3), format_significant(high, 3), range, svg,
      format_significant(tensor.scale), format_count(tensor.zero_point), tensor.bits);
}

std::string heat_cell(double value, double scale) {
  if (!std::isfinite(value)) return "<td class=\"num none\">–</td>";
  const double share = scale > 0 ? std::min(std::abs(value) / scale, 1.0) : 0;
  const double heat = kSmallestHeat + (kDeepestHeat - kSmallestHeat) * share;
  return fmt::format("<td class=\"num heat {}\" style=\"--a:{:.2f}\">{}</td>", value < 0 ? "below" : "above", heat,
                     format_percent(value));
}

std::string interval_mark(double value, double low, double high) {
  if (!std::isfinite(value) || !std::isfinite(low) || !std::isfinite(high)) return "";
  const double reach = std::max({std::abs(low), std::abs(high), std::abs(value)});
  const auto x = [&](double v) { return reach > 0 ? 50 + v / reach * 45 : 50.0; };
  return fmt::format(
      "<svg class=\"interval\" viewBox=\"0 0 100 18\" aria-hidden=\"true\"><path class=\"zero\" d=\"M50 0V18\"/>"
      "<path class=\"reach\" d=\"M{:.1f} 9H{:.1f}\"/><circle cx=\"{:.1f}\" cy=\"9\" r=\"3.2\"/></svg>",
      x(low), x(high), x(value));
}

}  // namespace quantick::report
