#pragma once
// Other people's libraries in this process, each in the strongest form we know of. A peer that was not built in, or has
// no form of a workload, gives no contender.
#include <string>
#include <vector>

#include "bench/measurement.h"
#include "bench/workload.h"

namespace quantick::bench {

/// Whether it was built in, and which version: "oneDNN 2.6.3", or the reason why not.
struct PeerState {
  std::string name;
  bool present = false;
  std::string text;
};
std::vector<PeerState> peer_states();

/// eigen_f32: a float32 matrix-vector product per layer, with our float cell. LSTM and dense networks.
std::vector<Contender> eigen_contenders(const Workload& workload);

/// onednn_f32 and onednn_int8: the faster one of its LSTM primitive and its products with our float cell.
std::vector<Contender> onednn_contenders(const Workload& workload);

/// Nanoseconds of a step, median of a short run: for choosing the faster form.
double trial_ns(Stepper& stepper, const Workload& workload);

}  // namespace quantick::bench
