// `quantick inspect FILE`: what is in a model or a data file.
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "quantick/cli/commands/list.h"
#include "quantick/core/error.h"
#include "quantick/core/file.h"
#include "quantick/market/reader.h"
#include "quantick/nn/safetensors.h"
#include "quantick/runtime/model_file.h"

namespace quantick::cli {
namespace {

struct InspectOptions {
  std::string file;
  bool verify = false;
};

void print(const std::string& text) { std::fputs(text.c_str(), stdout); }

int inspect_model(const InspectOptions& options) {
  const auto program = runtime::load(options.file);
  print(fmt::format("{}: fixed-bits program, {} bytes\n", options.file, std::filesystem::file_size(options.file)));
  print(program.text());
  for (const auto& [key, value] : program.metadata)
    print(fmt::format("  {} = {}\n", key, value.size() > 200 ? value.substr(0, 200) + "..." : value));
  if (options.verify) print(fmt::format("SHA-256 {} verified\n", runtime::verify(options.file)));
  return 0;
}

int inspect_network(const InspectOptions& options) {
  int64_t elements = 0;
  for (const auto& [name, value] : nn::load_safetensors(options.file)) {
    print(fmt::format("{:<32} {}\n", name, value.type().text()));
    elements += value.size();
  }
  print(fmt::format("{}: {} parameters\n", options.file, elements));
  return 0;
}

int inspect_data(const InspectOptions& options) {
  const auto panel = market::read_panel(options.file);
  print(fmt::format("{}: prices, {}, {} dates {} to {}, {} instruments\nSHA-256 {}\n", options.file,
                    panel.source.layout, panel.date_count(), panel.dates.front().to_string(),
                    panel.dates.back().to_string(), panel.instrument_count(), panel.source.sha256));
  print("fields:");
  for (const auto& field : panel.field_names) print(" " + field + (field == panel.price_field ? " (the price)" : ""));
  print("\n");
  for (const auto& line : panel.source.inferred) print("inferred: " + line + "\n");
  for (const auto& line : panel.source.warts) print("note: " + line + "\n");
  return 0;
}

}  // namespace

Command inspect_command() {
  return {"inspect", "What is in a model file or a price file", [](Options& options) {
            auto chosen = std::make_shared<InspectOptions>();
            options.positional("file", chosen->file,
                               "a .qtk model, a .safetensors network, or a CSV or CSV.gz of prices");
            options.flag("--verify", chosen->verify, "recompute a model's SHA-256 identity");
            options.footer(
                "Examples:\n  quantick inspect out/us_daily/model.qtk --verify\n  quantick inspect prices.csv.gz");
            return [chosen] {
              QTK_CHECK(std::filesystem::exists(chosen->file), IoError, "[inspect] {}: no such file", chosen->file);
              const bool model = chosen->file.ends_with(".qtk");
              QTK_CHECK(model || !chosen->verify, ValueError, "[inspect] --verify takes a .qtk model, was {}",
                        chosen->file);
              if (chosen->file.ends_with(".safetensors")) return inspect_network(*chosen);
              return model ? inspect_model(*chosen) : inspect_data(*chosen);
            };
          }};
}

}  // namespace quantick::cli
