#include "bench/loading.h"

#include <unistd.h>
#include <algorithm>
#include <chrono>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "bench/clock.h"
#include "bench/own.h"
#include "bench/sampler.h"
#include "quantick/runtime/model_file.h"

namespace quantick::bench {
namespace {

constexpr int kLoads = 15;
constexpr int kStarts = 51;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return percentile(values, 0.5);
}

}  // namespace

nlohmann::json measure_loading() {
  nlohmann::json result;
  {
    Workload large = make_workload({.name = "10 MB",
                                    .kind = Kind::lstm,
                                    .columns = 500,
                                    .window = 20,
                                    .layers = 4,
                                    .width = 560,
                                    .outputs = 1,
                                    .checked = 8});
    const std::string path =
        (std::filesystem::temp_directory_path() / ("quantick_bench_" + std::to_string(getpid()) + ".qtk")).string();
    runtime::save(own_program(large, "int8").program, path);
    const auto size = std::filesystem::file_size(path);
    std::vector<char> bytes(size);
    std::vector<double> reading, parsing, all;
    for (int i = 0; i < kLoads; ++i) {
      auto start = std::chrono::steady_clock::now();
      std::ifstream(path, std::ios::binary).read(bytes.data(), static_cast<std::streamsize>(size));
      reading.push_back(seconds_since(start));
      start = std::chrono::steady_clock::now();
      const auto loaded = runtime::load_with_plan(path);
      parsing.push_back(seconds_since(start));
      const runtime::Stream stream(loaded.plan);
      all.push_back(seconds_since(start));
    }
    result["file_bytes"] = size;
    result["read_seconds"] = median(reading);
    result["parse_seconds"] = median(parsing);
    result["load_seconds"] = median(all);
    std::filesystem::remove(path);
  }
  Workload usual = make_workload(workload_spec("lstm_2x128"));
  const OwnProgram program = own_program(usual, "int8");
  std::vector<float> out(static_cast<size_t>(usual.spec.outputs));
  std::vector<double> first, hundredth;
  for (int i = 0; i < kStarts; ++i) {
    OwnStepper stepper(program.program, usual.spec);  // warms up
    for (int64_t step = 1; step <= 100; ++step) {
      const float* x = usual.x.data() + step % usual.steps() * usual.step_size();
      const uint64_t before = ticks_before();
      stepper.step(x, out.data());
      const double ns = tick_scale().ns(before, ticks_after());
      if (step == 1) first.push_back(ns);
      if (step == 100) hundredth.push_back(ns);
    }
  }
  result["first_step_ns"] = median(first);
  result["hundredth_step_ns"] = median(hundredth);
  return result;
}

}  // namespace quantick::bench
