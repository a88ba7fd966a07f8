// `quantick predict MODEL INPUT`: a program's outputs for an array file, and their hash.
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "quantick/cli/commands/list.h"
#include "quantick/cli/npy.h"
#include "quantick/core/error.h"
#include "quantick/core/hash.h"
#include "quantick/market/csv.h"
#include "quantick/market/text.h"
#include "quantick/runtime/model_file.h"
#include "quantick/runtime/session.h"

namespace quantick::cli {
namespace {

struct PredictOptions {
  std::string model, input, output;
};

/// Columns of the file that the program reads, in its order: by name where it has names, else all.
std::vector<size_t> chosen_columns(const market::CsvReader& csv, const runtime::Program& program) {
  const auto& header = csv.header();
  const auto& names = program.inputs[0].columns;
  std::vector<size_t> out;
  if (names.empty()) {
    const int64_t columns = program.input().channels.size();
    QTK_CHECK(static_cast<int64_t>(header.size()) == columns, ShapeError,
              "[predict] {}: columns, were {}, expected the model's {}", csv.path(), header.size(), columns);
    for (size_t c = 0; c < header.size(); ++c) out.push_back(c);
    return out;
  }
  for (const std::string& name : names) {
    size_t c = 0;
    while (c < header.size() && header[c] != name) ++c;
    QTK_CHECK(c < header.size(), ValueError, "[predict] {}: no column \"{}\", which the model reads{}", csv.path(),
              name, market::did_you_mean(name, header));
    out.push_back(c);
  }
  return out;
}

/// Rows are samples or, for a program that reads sequences, the steps of one window.
Array read_csv(const std::string& path, const runtime::Program& program) {
  const Shape& channels = program.input().channels;
  QTK_CHECK(channels.ndim() == 1, ShapeError, "[predict] {}: the model reads rows of shape {}, which takes a .npy file",
            path, channels.text());
  market::CsvReader csv(path);
  const std::vector<size_t> columns = chosen_columns(csv, program);
  std::vector<float> values;
  while (csv.next())
    for (const size_t c : columns) values.push_back(static_cast<float>(market::parse_number(csv, c)));
  const auto width = static_cast<int64_t>(columns.size()), rows = static_cast<int64_t>(values.size()) / width;
  return Array::from(values, program.input().sequence ? Shape{rows, 1, width} : Shape{rows, width});
}

int predict(const PredictOptions& options) {
  const runtime::LoadedProgram loaded = runtime::load_with_plan(options.model);
  const bool npy = options.input.ends_with(".npy");
  const Array x = npy ? read_npy(options.input).astype(DType::f32) : read_csv(options.input, loaded.program);
  const Array y = runtime::Session(loaded.plan).run(x).contiguous();
  if (!options.output.empty()) write_npy(options.output, y);
  const auto* const bytes = reinterpret_cast<const std::byte*>(y.data<float>());
  const std::string hash = Sha256().update({bytes, static_cast<size_t>(y.size()) * sizeof(float)}).hex();
  std::fputs(fmt::format("input  {} float32\noutput {} float32\nSHA-256 {}\n", x.shape().text(), y.shape().text(), hash)
                 .c_str(),
             stdout);
  return 0;
}

}  // namespace

Command predict_command() {
  return {"predict", "A model's outputs for an array file, and the SHA-256 of their bits", [](Options& options) {
            auto chosen = std::make_shared<PredictOptions>();
            options.positional("model", chosen->model, "a .qtk model");
            options.positional("input", chosen->input,
                               ".npy ([steps, batch, features] or [batch, features], float32 or float64), or CSV or "
                               "CSV.gz with a header (rows are samples, or the steps of one window)");
            options.option("--output", chosen->output, "writes the outputs there, a .npy file");
            options.footer(
                "The hash is that of the outputs in float32, little endian, row by row: the same from Python\n"
                "(hashlib.sha256(session.run(x).asnumpy())) and from C.\n\n"
                "Examples:\n  quantick predict out/us_daily/model.qtk windows.npy --output scores.npy");
            return [chosen] {
              for (const std::string* path : {&chosen->model, &chosen->input})
                QTK_CHECK(std::filesystem::exists(*path), IoError, "[predict] {}: no such file", *path);
              QTK_CHECK(chosen->output.empty() || chosen->output.ends_with(".npy"), ValueError,
                        "[predict] --output, was {}, expected a name that ends in .npy", chosen->output);
              return predict(*chosen);
            };
          }};
}

}  // namespace quantick::cli
