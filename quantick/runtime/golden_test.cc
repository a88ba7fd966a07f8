#include "quantick/runtime/golden.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <vector>

#include "quantick/core/cpu.h"
#include "quantick/core/error.h"
#include "quantick/core/file.h"

namespace quantick::runtime {
namespace {

const std::string kOwn = std::string(QTK_SOURCE_DIR) + "/tests/golden/contract_v1.json";
const std::string kReference = std::string(QTK_SOURCE_DIR) + "/../shared/reference/golden_v1.json";
constexpr uint64_t kOwnSeed = 1;

/// A path of this process alone (tests run side by side), removed at its end.
std::string temporary(const std::string& name) {
  static struct Files {
    std::vector<std::string> paths;
    ~Files() {
      std::error_code ignored;
      for (const auto& path : paths) std::filesystem::remove(path, ignored);
    }
  } files;
  return files.paths.emplace_back(::testing::TempDir() + "qtk_golden_" + std::to_string(::getpid()) + "_" + name);
}

/// The report on our own file after a change.
GoldenReport changed(const std::function<void(nlohmann::json&)>& change) {
  nlohmann::json doc = nlohmann::json::parse(read_file(kOwn));
  change(doc);
  const std::string path = temporary("changed.json");
  write_file(path, doc.dump());
  return check_golden(path);
}

/// The text of the ParseError after a change.
std::string complaint(const std::function<void(nlohmann::json&)>& change) {
  try {
    changed(change);
  } catch (const ParseError& error) {
    return error.what();
  }
  return "no ParseError";
}

size_t first_case(const nlohmann::json& doc, const std::string& kind) {
  for (size_t i = 0; i < doc["cases"].size(); ++i)
    if (doc["cases"][i]["kind"] == kind) return i;
  return doc["cases"].size();
}

TEST(Golden, OurOwnVectorsAgreeOnEveryInstructionSet) {
  const GoldenReport report = check_golden(kOwn);
  EXPECT_TRUE(report.passed());
  EXPECT_TRUE(report.refused.empty());
  EXPECT_EQ(report.results.size(), 2 + report.cases * supported_isas().size());
  for (const auto& r : report.results) {
    EXPECT_EQ(r.differing, 0) << "case " << r.index << " " << r.kind << " on " << r.isa;
    EXPECT_GT(r.compared, 0);
  }
}

TEST(Golden, OurOwnFileIsWhatTheWriterWrites) {
  const std::string path = temporary("again.json");
  write_golden(path, kOwnSeed);
  EXPECT_TRUE(read_file(path) == read_file(kOwn))
      << "run quantick::runtime::write_golden(path, 1) and look at the change";
  EXPECT_LT(std::filesystem::file_size(kOwn), 600'000u);
}

TEST(Golden, OtherSeedsAgreeAndDiffer) {
  const std::string path = temporary("seed.json");
  for (uint64_t seed : {2u, 77u, 4000000000u}) {
    write_golden(path, seed);
    EXPECT_TRUE(check_golden(path).passed()) << seed;
    EXPECT_FALSE(read_file(path) == read_file(kOwn));
  }
}

TEST(Golden, TheReferenceVectorsAgree) {
  if (!std::filesystem::exists(kReference)) GTEST_SKIP() << "no ../shared/reference beside the tree";
  const GoldenReport report = check_golden(kReference);
  for (const auto& r : report.results) EXPECT_EQ(r.differing, 0) << "case " << r.index << " " << r.kind << " " << r.isa;
  EXPECT_EQ(report.cases, 38);
  EXPECT_EQ(report.results.size(), 2 + 38 * supported_isas().size());
  EXPECT_TRUE(report.refused.empty());
  EXPECT_EQ(report.verdict(), "passed");
}

/// The output field of a case, or null.
nlohmann::json* output_of(nlohmann::json& golden_case, const std::string& output) {
  if (golden_case["kind"] == "operator") return output == "output" ? &golden_case["output"]["codes"] : nullptr;
  return golden_case.contains(output) ? &golden_case[output] : nullptr;
}

TEST(Golden, AFlippedBitOfAnyOutputIsSeen) {
  const auto doc = nlohmann::json::parse(read_file(kOwn));
  auto tables = doc;
  tables.erase("cases");
  for (size_t i = 0; i < doc["cases"].size(); ++i) {
    int outputs = 0;
    for (const char* output : {"y", "h", "c", "state", "output"}) {
      auto alone = tables;
      alone["cases"] = {doc["cases"][i]};
      auto* value = output_of(alone["cases"][0], output);
      if (value == nullptr) continue;
      ++outputs;
      value = &value->back();
      if (value->is_array()) value = &value->back();
      *value = value->get<int64_t>() + (value->get<int64_t>() > 0 ? -1 : 1);
      const std::string path = temporary("flipped.json");
      write_file(path, alone.dump());
      const GoldenReport report = check_golden(path);
      EXPECT_FALSE(report.passed());
      EXPECT_EQ(report.differing(), static_cast<int64_t>(supported_isas().size())) << "case " << i << " " << output;
    }
    EXPECT_GE(outputs, 1) << "case " << i;
  }
  EXPECT_EQ(changed([](auto& doc) { doc["tanh"]["coef"][3][2] = 1; }).differing(), 1);
  EXPECT_EQ(changed([](auto& doc) { doc["sigmoid"]["width"] = 0.25; }).differing(), 1);
}

TEST(Golden, KindsNotBuiltAreRefusedByName) {
  const GoldenReport report = changed([](auto& doc) {
    doc["cases"][0]["kind"] = "fourier";
    doc["cases"][1]["w"][0][0] = 1000;
    doc["cases"][first_case(doc, "operator")]["op"] = "wavelet";
  });
  ASSERT_EQ(report.refused.size(), 3u);
  EXPECT_NE(report.refused[2].reason.find("operator \"wavelet\""), std::string::npos) << report.refused[2].reason;
  EXPECT_EQ(report.refused[0].kind, "fourier");
  EXPECT_EQ(report.refused[1].index, 1);
  EXPECT_NE(report.refused[1].reason.find("\"w\" has 1000"), std::string::npos) << report.refused[1].reason;
  EXPECT_TRUE(report.passed());
  EXPECT_EQ(report.verdict(), fmt::format("passed, 3 of {} not checked: dense, fourier, operator", report.cases));
}

TEST(Golden, AFileOfWhichNoCaseRunsDoesNotPass) {
  const GoldenReport none = changed([](auto& doc) {
    for (auto& c : doc["cases"]) c["kind"] = "fourier";
  });
  EXPECT_EQ(none.run(), 0);
  EXPECT_GT(none.compared(), 0) << "the tables";
  EXPECT_FALSE(none.passed());
  EXPECT_EQ(none.verdict(), fmt::format("FAILED, no case was run, {0} of {0} not checked: fourier", none.cases));
}

TEST(Golden, MalformedFilesAreNamedWithCaseAndField) {
  const auto has = [](const std::string& text, const char* part) {
    EXPECT_NE(text.find(part), std::string::npos) << text << "\n  lacks " << part;
  };
  const auto missing = complaint([](auto& doc) { doc["cases"][2].erase("scale"); });
  has(missing, "case 2 (dense): field \"scale\" is missing");
  has(missing, "changed.json");
  has(complaint([](auto& doc) { doc["cases"][1]["b"][0] = "x"; }), "case 1 (dense): field \"b\"");
  has(complaint([](auto& doc) { doc["cases"][1]["b"].push_back(1); }), "field \"b\" has 6 values, expected 5");
  has(complaint([](auto& doc) { doc["cases"][1]["x"][1].push_back(1); }), "field \"x\" has 8 values, expected 7");
  has(complaint([](auto& doc) { doc["cases"][1]["y"].erase(0); }), "field \"y\" has 2 rows, expected 3");
  has(complaint([](auto& doc) { doc["cases"][1]["x"] = nlohmann::json::array(); }), "field \"x\" was empty");
  has(complaint([](auto& doc) { doc["cases"][1]["scale"][0] = 0x7f800000; }), "not a finite float32");
  has(complaint([](auto& doc) { doc["cases"][1]["scale"][0] = 0; }), "case 1 (dense): [dense] scale 0, was 0");
  has(complaint([](auto& doc) { doc["cases"][1]["y"][0][0] = 40000; }), "field \"y\" has 40000, outside");
  has(complaint([](auto& doc) { doc["cases"][1] = 3; }), "case 1: was number, expected an object");
  has(complaint([](auto& doc) { doc["cases"][1]["kind"] = 3; }), "case 1: field \"kind\"");
  has(complaint([](auto& doc) { doc["cases"] = 1; }), "field \"cases\" was number");
  has(complaint([](auto& doc) { doc["version"] = 2; }), "field \"version\" was 2");
  has(complaint([](auto& doc) { doc.erase("tanh"); }), "field \"tanh\" is missing");
  has(complaint([](auto& doc) { doc["tanh"]["coef"].erase(4); }), "field \"coef\" has 31 rows, expected 32");
  has(complaint([](auto& doc) { doc["cases"][first_case(doc, "lstm")]["wx"].erase(0); }), "field \"wx\" has 3 rows");
  has(complaint([](auto& doc) { doc["cases"][first_case(doc, "lstm")]["gate_bits"][2] = 1; }), "field \"gate_bits\"");
  has(complaint([](auto& doc) { doc["cases"][first_case(doc, "lstm")]["cell_top"] = "1"; }), "field \"cell_top\"");
  has(complaint([](auto& doc) { doc["cases"][first_case(doc, "gru")]["wh"].erase(0); }), "expected 3 rows per column");
  has(complaint([](auto& doc) { doc["cases"][first_case(doc, "gru")]["bh"].push_back(1); }), "field \"bh\" has 2");
  has(complaint([](auto& doc) { doc["cases"][first_case(doc, "gru")].erase("state"); }), "field \"state\" is missing");
  has(complaint([](auto& doc) { doc["cases"][first_case(doc, "add")]["x"].erase(0); }), "field \"x\" has 1 rows");
  const auto op = [&](const char* field, const nlohmann::json& value) {
    return complaint([&](auto& doc) { doc["cases"][first_case(doc, "operator")][field] = value; });
  };
  has(op("batch", 0), "(operator): field \"batch\" was 0");
  has(op("sequence", 1), "field \"sequence\" was 1");
  has(op("precision", {{"speed", 1}}), "field \"precision\" has an unknown name");
  has(op("precision", {{"group_size", "x"}}), "precision \"group_size\" was \"x\"");
  has(op("precision", {{"method", "magic"}}), "method");
  has(op("attributes", {{"colour", 1}}), "unknown attribute colour");
  has(op("constants", nlohmann::json::array()), "constant");
  has(op("inputs", {{{"dtype", "int4"}}}), "input 0: field \"dtype\" was \"int4\"");
  has(complaint([](auto& doc) { doc["cases"][first_case(doc, "operator")]["output"]["codes"].push_back(1); }),
      "output: field \"codes\" has 28 values, expected 27");
  has(complaint([](auto& doc) { doc["cases"][first_case(doc, "operator")]["inputs"][0]["codes"][0] = 300; }),
      "input 0: field \"codes\" has 300, outside [-128, 127]");
  has(complaint([](auto& doc) {
        doc["cases"][first_case(doc, "operator")]["output"]["channels"] = {3, 3, 2};
      }),
      "field \"codes\" has 27 values, expected 54");
  write_file(temporary("text.json"), std::string_view("{\"version\": 1,"));
  EXPECT_THROW(check_golden(temporary("text.json")), ParseError);
  EXPECT_THROW(check_golden(temporary("absent.json")), IoError);
}

}  // namespace
}  // namespace quantick::runtime
