#pragma once
// All measurements of one workload, taken in rounds so that contenders take turns, and their results.
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "bench/eviction.h"
#include "bench/own.h"
#include "bench/sampler.h"
#include "bench/workload.h"

namespace quantick::bench {

/// Seconds that a measurement may take in one round, by state of the caches.
struct Budget {
  double hot = 0.03, evicted = 0.015, cold = 0.015;
};

class Suite {
 public:
  /// `peers`: "eigen", "onednn".
  Suite(const std::string& workload, const std::vector<std::string>& peers, Eviction& eviction);

  void round(const Budget& budget);
  /// One object per measurement and state of the caches, and one per contender with its error.
  nlohmann::json results() const;
  /// The network, features and expected outputs for contenders of other processes: `folder`/<workload>.safetensors.
  void export_to(const std::string& folder);

 private:
  struct Own {
    OwnProgram made;
    std::unique_ptr<OwnStepper> stepper;
    std::unique_ptr<runtime::Session> session;
  };
  void add_own(const std::string& contender);
  void add_step(const std::string& contender, const std::string& note, const std::string& path, Stepper& stepper,
                const Work& work);
  void add_error(const std::string& contender, const Array& got);
  Array outputs_of(Stepper& stepper) const;
  double floor_ns(const Work& work) const;

  Workload workload_;
  Eviction* eviction_;
  Array truth_;
  std::vector<std::unique_ptr<Own>> own_;
  std::vector<Contender> peers_;
  std::vector<std::unique_ptr<Measurement>> measurements_;
  std::map<const Measurement*, std::vector<Sampler>> samplers_;            ///< hot, evicted, cold
  std::vector<std::pair<std::string, std::pair<double, double>>> errors_;  ///< contender: SQNR in dB, largest error
  std::vector<float> out_;
  Array window_, batch_;
  int64_t at_ = 0;
  std::map<double, std::vector<double>> reading_;  ///< bytes: seconds, a value per round
  std::vector<double> peak_;                       ///< byte products per second, a value per round
  std::vector<double> f32_peak_;                   ///< float32 products per second, a value per round
  std::vector<double> cells_;                      ///< ns of the cells of all LSTM layers, a value per round
};

}  // namespace quantick::bench
