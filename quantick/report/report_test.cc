#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "quantick/core/error.h"
#include "quantick/core/file.h"
#include "quantick/report/csv_writer.h"
#include "quantick/report/html_writer.h"
#include "quantick/report/json_writer.h"
#include "quantick/report/report_fixture.h"

namespace quantick::report {
namespace {

using Json = nlohmann::json;

/// A fresh folder under the system's temporary one, removed at the end of the test.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "quantick-report-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// "" where every element is closed in order, else what is wrong. Text of style and script elements is skipped.
std::string unbalanced(const std::string& html) {
  const std::set<std::string> empty{"meta", "link", "br", "hr", "img", "input"};
  std::vector<std::string> open;
  for (size_t i = 0; i < html.size(); ++i) {
    if (html[i] == '>') return "a bare > near " + html.substr(i < 40 ? 0 : i - 40, 60);
    if (html[i] != '<') continue;
    char quote = 0;
    size_t end = i + 1;
    for (; end < html.size() && (quote != 0 || html[end] != '>'); ++end) {
      if (quote == 0 && html[end] == '<') return "< inside a tag near " + html.substr(i, 60);
      if (html[end] == '"') quote = quote == 0 ? '"' : 0;
    }
    if (end == html.size()) return "unfinished tag";
    const std::string tag = html.substr(i + 1, end - i - 1);
    i = end;
    if (tag.starts_with('!') || tag.ends_with('/')) continue;
    const bool closing = tag.starts_with('/');
    const std::string name = tag.substr(closing, tag.find_first_of(" \n", closing) - closing);
    if (empty.count(name) != 0) continue;
    if (!closing) {
      open.push_back(name);
      if (name == "script" || name == "style") i = html.find("</" + name, i) - 1;
      continue;
    }
    if (open.empty() || open.back() != name)
      return "</" + name + "> closes " + (open.empty() ? "nothing" : open.back());
    open.pop_back();
  }
  return open.empty() ? "" : "never closed: " + open.back();
}

size_t count_of(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

/// Ids that links in the page point to and that do not exist, and ids that exist twice.
std::vector<std::string> broken_anchors(const std::string& html) {
  std::vector<std::string> broken;
  for (size_t at = html.find("href=\"#"); at != std::string::npos; at = html.find("href=\"#", at + 1)) {
    const size_t begin = at + 7;
    const std::string id = html.substr(begin, html.find('"', begin) - begin);
    if (count_of(html, " id=\"" + id + "\"") != 1) broken.push_back(id);
  }
  return broken;
}

std::vector<std::vector<std::string>> rows_of(const std::string& csv) {
  std::vector<std::vector<std::string>> rows(1, {""});
  bool quoted = false;
  for (size_t i = 0; i < csv.size(); ++i) {
    const char c = csv[i];
    if (quoted) {
      if (c == '"' && i + 1 < csv.size() && csv[i + 1] == '"')
        rows.back().back() += csv[i++];
      else if (c == '"')
        quoted = false;
      else
        rows.back().back() += c;
    } else if (c == '"') {
      quoted = true;
    } else if (c == ',') {
      rows.back().emplace_back();
    } else if (c == '\n') {
      rows.push_back({""});
    } else {
      rows.back().back() += c;
    }
  }
  rows.pop_back();
  return rows;
}

std::vector<std::vector<std::string>> rows_of(const ReportData& data, const std::string& name) {
  for (const CsvFile& file : to_csvs(data)) {
    if (file.name == name) return rows_of(file.text);
  }
  return {};
}

/// Same bits, or an empty cell beside null.
void expect_same(const std::string& cell, const Json& number) {
  if (number.is_null()) {
    EXPECT_EQ(cell, "");
    return;
  }
  double value = kMissing;
  const auto parsed = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  EXPECT_EQ(parsed.ptr, cell.data() + cell.size()) << cell;
  EXPECT_EQ(value, number.get<double>());
}

TEST(Report, HtmlIsWellFormedAndFull) {
  const std::string html = to_html(fixture::full());
  EXPECT_EQ(unbalanced(html), "");
  EXPECT_TRUE(html.starts_with("<!DOCTYPE html>"));
  EXPECT_NE(html.find("<meta name=\"viewport\""), std::string::npos);
  for (const char* id : {"verdict", "equity", "months", "costs", "trading", "signal", "quantiles", "paired", "layers",
                         "calibration", "training", "data", "record", "configuration"}) {
    EXPECT_EQ(count_of(html, fmt::format("<section id=\"{}\"", id)), 1U) << id;
    EXPECT_EQ(count_of(html, fmt::format("href=\"#{}\"", id)), 1U) << id;
  }
  EXPECT_TRUE(broken_anchors(html).empty());
  EXPECT_EQ(count_of(html, "<figure"), count_of(html, "<figcaption"));
  EXPECT_EQ(html.find("nan"), std::string::npos);
}

TEST(Report, TheBalanceCheckSeesMistakes) {
  EXPECT_NE(unbalanced("<p><b></p></b>"), "");
  EXPECT_NE(unbalanced("<p>"), "");
  EXPECT_NE(unbalanced("<p>a > b</p>"), "");
  EXPECT_NE(unbalanced("</p>"), "");
  EXPECT_EQ(unbalanced("<p title=\"a > b\">x</p><script>1<2</script>"), "");
}

TEST(Report, AsksForNothingFromANetwork) {
  const std::string html = to_html(fixture::full());
  EXPECT_EQ(html.find("http://"), std::string::npos);
  EXPECT_EQ(html.find("https://"), std::string::npos);
  EXPECT_EQ(html.find(" src="), std::string::npos);
  EXPECT_EQ(html.find("@import"), std::string::npos);
  EXPECT_EQ(html.find("url("), std::string::npos);
  EXPECT_EQ(count_of(html, "<link"), 1U);  // the empty icon
  EXPECT_NE(html.find("default-src 'none'"), std::string::npos);
}

const std::string kHostile = "</script><script>alert(1)</script>\"'&<b onload=x>\xff\x01,\n]]>";

void poison(ReportData& data) {
  data.title = data.run_name = data.summary = data.period = data.created = data.survivorship = kHostile;
  data.configuration = kHostile;
  data.warnings = {kHostile};
  for (MetricSpec& m : data.metrics) m.label = m.convention = m.group = kHostile;
  for (Strategy& s : data.strategies) s.label = kHostile;
  for (Panel* panel : {&data.equity, &data.gross_net, &data.ic, &data.rank_ic, &data.turnover, &data.exposure,
                       &data.quantiles.cumulative}) {
    panel->convention = kHostile;
    for (Line& line : panel->lines) line.label = kHostile;
  }
  for (EstimateLine& line : data.ic_decay.lines) line.label = kHostile;
  for (EstimateLine& line : data.quantiles.lines) line.label = kHostile;
  data.ic_decay.convention = data.quantiles.convention = data.paired.interval = kHostile;
  for (CostRow& row : data.costs) row.label = kHostile;
  for (PairedMetric& m : data.paired.metrics) m.label = m.convention = kHostile;
  for (CalibrationTensor& t : data.calibration) t.name = t.observer = kHostile;
  for (LayerError& layer : data.layers) layer.name = layer.kind = layer.dtype = layer.reason = kHostile;
  for (Training& run : data.training) run.label = run.loss = kHostile;
  for (DataSource& s : data.data) {
    s.name = s.format = s.from = s.to = s.survivorship = s.dividends = s.splits = s.origin = s.sha256 = kHostile;
    s.inferred = {kHostile};
    s.missing = {{kHostile, 3}};
  }
  for (Fact& fact : data.environment) fact.name = fact.value = kHostile;
  for (Fact& fact : data.quantization) fact.name = fact.value = kHostile;
  for (FileEntry& file : data.files) file.name = file.note = kHostile;
  data.timings.front().name = kHostile;
  data.hashes = {kHostile, kHostile, kHostile};
}

TEST(Report, EscapesEverythingFromOutside) {
  const std::string clean = to_html(fixture::full());
  ReportData data = fixture::full();
  poison(data);
  const std::string html = to_html(data);
  EXPECT_EQ(unbalanced(html), "");
  EXPECT_EQ(html.find("alert(1)</script>"), std::string::npos);
  EXPECT_EQ(html.find("<b onload"), std::string::npos);
  EXPECT_EQ(html.find('\x01'), std::string::npos);
  EXPECT_EQ(html.find('\xff'), std::string::npos);
  EXPECT_EQ(count_of(html, "<script"), count_of(clean, "<script"));
  const Json json = Json::parse(to_json(data));
  EXPECT_EQ(json["title"].get<std::string>().substr(0, 20), kHostile.substr(0, 20));
  EXPECT_EQ(rows_of(data, "layers.csv")[1][0], kHostile);
}

TEST(Report, JsonHasTheFixedKeys) {
  const ReportData data = fixture::full();
  const Json json = Json::parse(to_json(data));
  for (const char* key : {"data", "model", "predictions"})
    EXPECT_EQ(json["hashes"][key].get<std::string>().size(), 64U);
  const auto expect_paired = [](const Json& metrics) {
    for (const char* metric : {"ic", "rank_ic", "mae", "top_k_overlap", "turnover", "sharpe", "max_drawdown"}) {
      for (const char* key : {"float32", "int8", "difference", "low", "high", "observations"}) {
        EXPECT_TRUE(metrics.at(metric).at(key).is_number()) << metric << "." << key;
      }
    }
  };
  expect_paired(json["paired"]);
  for (const char* year : {"2020", "2021", "2022"}) expect_paired(json["years"].at(year));
  EXPECT_EQ(json["layers"].size(), data.layers.size());
  for (const char* key : {"name", "sqnr_db", "cosine", "saturation"})
    EXPECT_TRUE(json["layers"][0].contains(key)) << key;
  EXPECT_EQ(json["timings"]["train"].get<double>(), 142.6);
  EXPECT_EQ(json["paired"]["mae"]["difference"].get<double>(), data.paired.metrics[2].difference);
}

TEST(Report, JsonNumbersReadBackExactlyAndMissingIsNull) {
  ReportData data = fixture::full();
  data.paired.metrics[0].float32 = 0.1 + 0.2;
  data.paired.metrics[0].int8 = std::numeric_limits<double>::denorm_min();
  data.paired.metrics[0].low = kMissing;
  data.paired.metrics[0].high = std::numeric_limits<double>::infinity();
  data.equity.lines[0].values[3] = kMissing;
  const Json json = Json::parse(to_json(data));
  EXPECT_EQ(json["paired"]["ic"]["float32"].get<double>(), 0.1 + 0.2);
  EXPECT_EQ(json["paired"]["ic"]["int8"].get<double>(), std::numeric_limits<double>::denorm_min());
  EXPECT_TRUE(json["paired"]["ic"]["low"].is_null());
  EXPECT_TRUE(json["paired"]["ic"]["high"].is_null());
  EXPECT_TRUE(json["equity"]["lines"]["float32"][3].is_null());
  EXPECT_TRUE(json["drawdown"]["lines"]["float32"][3].is_null());
  for (size_t i = 0; i < data.equity.dates.size(); ++i) {
    EXPECT_EQ(json["equity"]["lines"]["int8"][i].get<double>(), data.equity.lines[1].values[i]);
  }
}

TEST(Report, CsvAndJsonAgree) {
  ReportData data = fixture::full();
  data.equity.lines[2].values[10] = kMissing;
  const Json json = Json::parse(to_json(data));
  for (const char* name : {"equity", "drawdown", "gross_net", "ic", "rank_ic", "turnover", "exposure"}) {
    const auto rows = rows_of(data, std::string(name) + ".csv");
    ASSERT_EQ(rows.size(), data.equity.dates.size() + 1) << name;
    for (size_t c = 1; c < rows[0].size(); ++c) {
      for (size_t r = 1; r < rows.size(); ++r) expect_same(rows[r][c], json[name]["lines"][rows[0][c]][r - 1]);
    }
  }
  const auto paired = rows_of(data, "paired.csv");
  ASSERT_EQ(paired.size(), 1 + 7 * 4U);
  for (size_t r = 1; r < paired.size(); ++r) {
    const Json& metrics = paired[r][0] == "all" ? json["paired"] : json["years"][paired[r][0]];
    for (size_t c = 3; c < paired[0].size(); ++c) expect_same(paired[r][c], metrics[paired[r][1]][paired[0][c]]);
  }
  const auto monthly = rows_of(data, "monthly_returns.csv");
  for (size_t r = 1; r < monthly.size(); ++r) {
    const Json& year = json["monthly_returns"][monthly[r][0]][monthly[r][1]];
    for (size_t m = 0; m < 12; ++m) expect_same(monthly[r][2 + m], year["months"][m]);
    expect_same(monthly[r][14], year["total"]);
  }
  const auto metrics = rows_of(data, "metrics.csv");
  for (size_t r = 1; r < metrics.size(); ++r) {
    expect_same(metrics[r][3], json["strategies"][metrics[r][0]]["metrics"][metrics[r][1]]["value"]);
  }
}

TEST(Report, EmptyDataGivesAnEmptyButSoundReport) {
  const ReportData data;
  const std::string html = to_html(data);
  EXPECT_EQ(unbalanced(html), "");
  EXPECT_EQ(html.find("<section"), std::string::npos);
  EXPECT_EQ(html.find("<nav"), std::string::npos);
  EXPECT_TRUE(Json::parse(to_json(data)).is_object());
  EXPECT_TRUE(to_csvs(data).empty());
}

TEST(Report, AMissingSectionLosesItsNavigationEntry) {
  const std::vector<std::pair<std::string, std::function<void(ReportData&)>>> removals{
      {"verdict",
       [](ReportData& d) {
         d.metrics.clear(), d.strategies.clear(), d.survivorship.clear(), d.trials = 0, d.paired = {};
       }},
      {"equity", [](ReportData& d) { d.equity = {}; }},
      {"months", [](ReportData& d) { d.equity = {}; }},
      {"costs", [](ReportData& d) { d.gross_net = {}, d.costs.clear(); }},
      {"trading", [](ReportData& d) { d.turnover = d.exposure = {}; }},
      {"signal", [](ReportData& d) { d.ic = d.rank_ic = {}, d.ic_decay = {}; }},
      {"quantiles", [](ReportData& d) { d.quantiles = {}; }},
      {"paired", [](ReportData& d) { d.paired = {}; }},
      {"layers", [](ReportData& d) { d.layers.clear(), d.quantization.clear(), d.prediction_sqnr_db = kMissing; }},
      {"calibration", [](ReportData& d) { d.calibration.clear(); }},
      {"training", [](ReportData& d) { d.training.clear(); }},
      {"data", [](ReportData& d) { d.data.clear(); }},
      {"configuration", [](ReportData& d) { d.configuration.clear(); }},
      {"record", [](ReportData& d) { d.hashes = {}, d.environment.clear(), d.timings.clear(), d.files.clear(); }}};
  for (const auto& [id, remove] : removals) {
    ReportData data = fixture::full();
    remove(data);
    const std::string html = to_html(data);
    EXPECT_EQ(unbalanced(html), "") << id;
    EXPECT_EQ(html.find("<section id=\"" + id + "\""), std::string::npos) << id;
    EXPECT_EQ(html.find("href=\"#" + id + "\""), std::string::npos) << id;
    EXPECT_TRUE(broken_anchors(html).empty()) << id;
  }
}

Panel panel_of(std::vector<std::string> dates, std::vector<double> values) {
  return {std::move(dates), {{"int8", "Network, int8", Role::kInt8, std::move(values)}}, ""};
}

void expect_sound(const ReportData& data) {
  const std::string html = to_html(data);
  EXPECT_EQ(unbalanced(html), "");
  EXPECT_EQ(html.find("nan"), std::string::npos);
  EXPECT_EQ(html.find("inf"), std::string::npos);
}

TEST(Report, OddSeriesAreDrawn) {
  const double inf = std::numeric_limits<double>::infinity();
  const std::vector<std::string> five{"2020-01-01", "2020-01-02", "2020-01-03", "2020-01-04", "2020-01-05"};
  const std::vector<std::pair<std::vector<std::string>, std::vector<double>>> cases{
      {{"2020-01-01"}, {1.01}},
      {five, {1, 1, 1, 1, 1}},
      {five, {0, 0, 0, 0, 0}},
      {five, {kMissing, 1.1, kMissing, 1.2, kMissing}},
      {five, {kMissing, kMissing, kMissing, kMissing, kMissing}},
      {five, {1, inf, 1.2, -inf, 1.1}},
      {five, {1e-300, 1e-300, 2e-300, 1e-300, 1e-300}},
      {five, {1e300, -1e300, 1e300, 0, 1}}};
  for (const auto& [dates, values] : cases) {
    ReportData data;
    data.equity = data.gross_net = data.ic = data.rank_ic = data.turnover = data.exposure = panel_of(dates, values);
    data.quantiles.cumulative = panel_of(dates, values);
    data.training = {{.label = "x", .train_loss = values, .valid_ic = values}};
    expect_sound(data);
  }
}

TEST(Report, OddHistogramsAreDrawn) {
  ReportData data;
  CalibrationTensor constant{
      .name = "constant", .bins_low = 3, .bins_high = 3, .counts = {100}, .range_low = 0, .range_high = 3};
  CalibrationTensor outlier{
      .name = "outlier", .bins_low = -1, .bins_high = 1e12, .counts = std::vector<double>(2048, 0)};
  outlier.counts[0] = 1e6;
  outlier.counts[2047] = 1;
  CalibrationTensor nothing{.name = "nothing", .bins_low = 0, .bins_high = 1, .counts = {0, 0, 0}};
  data.calibration = {constant, outlier, nothing, {.name = "unseen"}};
  expect_sound(data);
  EXPECT_EQ(count_of(to_html(data), "<figure class=\"histogram\""), 3U);
}

TEST(Report, ThirtyYearsStaySmall) {
  const ReportData data = fixture::full(1993, 30);
  const std::string html = to_html(data);
  EXPECT_LT(html.size(), 2U << 20);
  EXPECT_EQ(unbalanced(html), "");
  const Json json = Json::parse(to_json(data));
  EXPECT_EQ(json["equity"]["dates"].size(), 30 * 252U);
}

TEST(Report, RefusesWhatDoesNotFit) {
  ReportData data = fixture::full();
  data.equity.lines[1].values.pop_back();
  try {
    to_html(data);
    FAIL() << "accepted";
  } catch (const ValueError& error) {
    EXPECT_EQ(std::string(error.what()), "[report] equity: values of \"int8\", was 755, expected 756 (its dates)");
  }
  data = fixture::full();
  std::swap(data.ic.dates[0], data.ic.dates[1]);
  EXPECT_THROW(to_json(data), ValueError);
  data = fixture::full();
  data.strategies[1].key = data.strategies[0].key;
  EXPECT_THROW(to_csvs(data), ValueError);
  data = fixture::full();
  data.strategies[0].values.pop_back();
  EXPECT_THROW(to_json(data), ValueError);
}

TEST(Report, WritesFilesAndLeavesNothingHalfWritten) {
  const Folder folder;
  const ReportData data = fixture::full();
  write_html(data, folder / "out/report.html");
  write_json(data, folder / "out/report.json");
  const std::vector<std::string> csvs = write_csvs(data, folder / "out/csv");
  EXPECT_EQ(read_file(folder / "out/report.html"), to_html(data));
  EXPECT_EQ(read_file(folder / "out/report.json"), to_json(data));
  EXPECT_EQ(csvs.size(), to_csvs(data).size());
  for (const std::string& path : csvs) EXPECT_TRUE(std::filesystem::is_regular_file(path)) << path;
  // A folder bears the wanted name, so that the last step, the rename, must fail.
  std::filesystem::create_directories(folder / "bad/report.html/x");
  EXPECT_THROW(write_html(data, folder / "bad/report.html"), IoError);
  std::filesystem::create_directories(folder / "bad/report.json/x");
  EXPECT_THROW(write_json(data, folder / "bad/report.json"), IoError);
  size_t entries = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder / "bad")) {
    EXPECT_TRUE(entry.is_directory()) << entry.path();
    ++entries;
  }
  EXPECT_EQ(entries, 2U);
  // Data that does not fit writes no file at all.
  ReportData wrong = data;
  wrong.turnover.dates.pop_back();
  EXPECT_THROW(write_csvs(wrong, folder / "none"), ValueError);
  EXPECT_FALSE(std::filesystem::exists(folder / "none"));
}

TEST(Report, FindingsFollowFromTheNumbers) {
  ReportData data = fixture::full();
  std::string html = to_html(data);
  EXPECT_NE(html.find("Not told apart from zero"), std::string::npos);
  EXPECT_NE(html.find("Behind, within its interval"), std::string::npos);  // equal weight is ahead in the fixture
  EXPECT_NE(html.find("It could"), std::string::npos);
  EXPECT_NE(html.find("No difference found"), std::string::npos);
  data.strategies[1].values[0].low = data.strategies[1].values[0].high = kMissing;
  EXPECT_NE(to_html(data).find("Behind in Sharpe"), std::string::npos);
  data.strategies[1].values[0].value = 2.1;
  data.strategies[1].values[2].value = 0.97;
  data.strategies[1].values[10].low = 0.002;
  data.paired.metrics[1].high = -1e-5;
  html = to_html(data);
  EXPECT_NE(html.find("Yes, above zero"), std::string::npos);
  EXPECT_NE(html.find("Ahead in Sharpe"), std::string::npos);
  EXPECT_NE(html.find("Unlikely"), std::string::npos);
  EXPECT_NE(html.find("It lowers rank IC"), std::string::npos);
}

}  // namespace
}  // namespace quantick::report
