// quantick_bench: the measuring half of `make bench`. tools/bench.py speaks to it, a line a command, and lets the peers
// of other processes take turns with it:
//
//   machine                 what this is and what was built in
//   open WORKLOAD FOLDER    builds all contenders; writes the network into FOLDER (`-`: nowhere)
//   round [SCALE]           measures each contender once, for SCALE times the usual time
//   close                   results, and forgets the workload
//   savings, portfolios, loading   measurements of their own (savings.h, loading.h)
//   state_widths            SQNR of a layer that reads its hidden state with 16 and with 8 bits, by half-life
//
// Each answer is one line of JSON; {"error": "..."} where a command failed.
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "bench/clock.h"
#include "bench/loading.h"
#include "bench/peers.h"
#include "bench/savings.h"
#include "bench/suite.h"
#include "quantick/core/cpu.h"
#include "quantick/core/error.h"
#include "quantick/core/thread_pool.h"
#include "quantick/kernels/bench_floor.h"
#include "quantick/runtime/state_width.h"

using namespace quantick;
using namespace quantick::bench;
using nlohmann::json;

namespace {

json machine() {
  json isas = json::array(), peers = json::array(), names = json::array();
  for (const Isa isa : supported_isas()) isas.push_back(isa_name(isa));
  for (const PeerState& peer : peer_states())
    peers.push_back({{"name", peer.name}, {"present", peer.present}, {"text", peer.text}});
  for (const WorkloadSpec& spec : workload_specs()) names.push_back(spec.name);
  const CacheSizes caches = cache_sizes();
  json reading = json::array();
  for (const int64_t bytes : {32 << 10, 256 << 10, 1 << 20, 8 << 20, 64 << 20})
    reading.push_back(
        {{"bytes", bytes},
         {"bytes_per_second", static_cast<double>(bytes) / kernels::stream_seconds(static_cast<size_t>(bytes))}});
  return {{"cpu", cpu_model()},
          {"cores", std::thread::hardware_concurrency()},
          {"isa", isa_name(active_isa())},
          {"isas", isas},
          {"l1", caches.l1},
          {"l2", caches.l2},
          {"l3", caches.l3},
          {"clock_overhead_ns", tick_scale().ns_per_tick * static_cast<double>(tick_scale().overhead)},
          {"reading", reading},
          {"vnni_peak", kernels::vnni_peak_macs_per_second()},
          {"f32_peak", kernels::f32_peak_macs_per_second()},
          {"bf16_peak", kernels::bf16_peak_macs_per_second()},
          {"peers", peers},
          {"workloads", names}};
}

json state_widths() {
  json columns = json::object();
  for (const runtime::StateWidthRow& row : runtime::measure_state_widths(1)) columns[row.name] = row.measured;
  return {{"half_lives", runtime::kHalfLives}, {"sqnr_db", columns}};
}

class Commands {
 public:
  explicit Commands(std::vector<std::string> peers) : peers_(std::move(peers)) {}

  json run(const std::string& line) {
    std::istringstream in(line);
    std::string command;
    in >> command;
    if (command == "machine") return machine();
    if (command == "savings") return measure_savings();
    if (command == "loading") return measure_loading();
    if (command == "state_widths") return state_widths();
    if (command == "portfolios") return measure_portfolios();
    if (command == "open") {
      std::string name, folder;
      in >> name >> folder;
      suite_.reset();
      suite_ = std::make_unique<Suite>(name, peers_, eviction_);
      if (folder != "-") suite_->export_to(folder);
      return json::object();
    }
    QTK_CHECK(suite_ && (command == "round" || command == "close"), ValueError,
              "[bench] command, was \"{}\", expected open first, then round or close", line);
    if (command == "round") {
      double scale = 1;
      in >> scale;
      Budget budget;
      for (double* seconds : {&budget.hot, &budget.evicted, &budget.cold}) *seconds *= scale;
      suite_->round(budget);
      return json::object();
    }
    json results = suite_->results();
    suite_.reset();
    return results;
  }

 private:
  std::vector<std::string> peers_;
  Eviction eviction_;
  std::unique_ptr<Suite> suite_;
};

}  // namespace

int main(int count, char** arguments) {
  set_thread_count(1);
  Commands commands(std::vector<std::string>(arguments + 1, arguments + count));
  std::string line;
  while (std::getline(std::cin, line)) {
    json answer;
    try {
      answer = commands.run(line);
    } catch (const std::exception& e) {
      answer = {{"error", e.what()}};
    }
    std::cout << answer.dump() << std::endl;
  }
  return 0;
}
