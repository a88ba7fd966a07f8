// Loading a model file of about 10 MB: checksums, packing (a Plan) and the golden replay, from the page cache. "ms per
// 10 MB" is the number to watch; the XXH3 of the same bytes is what no load can do without.
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "quantick/core/file.h"
#include "quantick/core/hash.h"
#include "quantick/ops/operator.h"
#include "quantick/runtime/model_file.h"
#include "quantick/runtime/program_builder.h"
#include "quantick/runtime/random_program.h"
#include "quantick/tensor/random_array.h"

namespace {

using namespace quantick;
using namespace quantick::runtime;

Program dense_layers(int64_t width, int64_t layers, const char* weight_dtype) {
  ProgramBuilder builder;
  const Key key(3);
  int value = builder.add_input("x", {DType::i8, 0.02f, 0}, Shape{width}, false);
  for (int64_t i = 0; i < layers; ++i) {
    NodeSpec dense{.attributes = {{"flatten", false}},
                   .layer = fmt::format("dense{}", i),
                   .name = fmt::format("y{}", i),
                   .inputs = {value},
                   .channels = Shape{width}};
    const double bound = std::sqrt(3.0 / static_cast<double>(width));
    dense.parameters = {uniform_array(Shape{width, width}, -bound, bound, key.fold(static_cast<uint64_t>(i))),
                        uniform_array(Shape{width}, -0.5, 0.5, key.fold("bias"))};
    dense.precision.weight_dtype = weight_dtype;
    dense.output = {DType::i8, 0.02f, 0};
    value = builder.add_node(find_operator("dense"), dense);
  }
  return builder.finish(value, "y");
}

/// A model file that is removed at the end of the process.
class BenchFile {
 public:
  BenchFile(const char* name, const Program& program)
      : path_((std::filesystem::temp_directory_path() / fmt::format("qtk-{}-{}.qtk", ::getpid(), name)).string()) {
    save(program, path_);
  }
  ~BenchFile() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

const std::string& path_of(const std::string& name) {
  static const BenchFile dense("dense", dense_layers(1600, 4, "int8"));
  static const BenchFile nibbles("nibbles", dense_layers(1600, 8, "int4"));
  static const BenchFile lstm("lstm", random_lstm({.features = 640, .units = 640, .layers = 3}, 5));
  return name == "dense" ? dense.path() : name == "dense_int4" ? nibbles.path() : lstm.path();
}

template <class Body>
void per_ten_megabytes(benchmark::State& state, const std::string& path, Body body) {
  const auto bytes = static_cast<double>(std::filesystem::file_size(path));
  std::vector<double> times;
  for (auto _ : state) {
    const auto start = std::chrono::steady_clock::now();
    body();
    times.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  state.counters["ms per 10 MB"] = *middle * 1e3 * 1e7 / bytes;
  state.counters["MB"] = bytes * 1e-6;
}

void load(benchmark::State& state, const char* name) {
  const std::string& path = path_of(name);
  per_ten_megabytes(state, path, [&] { benchmark::DoNotOptimize(load_with_plan(path)); });
}

/// A second plan of a program that is loaded already.
void plan(benchmark::State& state, const char* name) {
  const std::string& path = path_of(name);
  const Program program = runtime::load(path);
  per_ten_megabytes(state, path, [&] { benchmark::DoNotOptimize(Plan(program)); });
}

void checksum(benchmark::State& state, const char* name) {
  const std::string& path = path_of(name);
  per_ten_megabytes(state, path, [&] { benchmark::DoNotOptimize(xxh3(MappedFile(path).bytes())); });
}

const int registered = [] {
  for (const char* name : {"dense", "dense_int4", "lstm"}) {
    benchmark::RegisterBenchmark(fmt::format("model_file/xxh3/{}", name).c_str(), checksum, name);
    benchmark::RegisterBenchmark(fmt::format("model_file/plan/{}", name).c_str(), plan, name);
    benchmark::RegisterBenchmark(fmt::format("model_file/load/{}", name).c_str(), load, name);
  }
  return 0;
}();

}  // namespace
