#include "bench/peers.h"

#include <algorithm>

#include "bench/clock.h"
#include "bench/sampler.h"
#include "quantick/core/cpu.h"

#if QTK_HAS_EIGEN
#include <Eigen/Core>
#endif
#if QTK_HAS_ONEDNN
#include <dnnl.h>
#endif

namespace quantick::bench {

std::vector<PeerState> peer_states() {
  std::vector<PeerState> states;
#if QTK_HAS_EIGEN
  states.push_back({"eigen", true,
                    "Eigen " + std::to_string(EIGEN_WORLD_VERSION) + "." + std::to_string(EIGEN_MAJOR_VERSION) + "." +
                        std::to_string(EIGEN_MINOR_VERSION)});
#else
  states.push_back({"eigen", false, "not built in: libeigen3-dev was not found"});
#endif
#if QTK_HAS_ONEDNN
  const dnnl_version_t* v = dnnl_version();
  const bool vnni = active_isa() == Isa::avx512vnni || active_isa() == Isa::avxvnni;
  states.push_back({"onednn", true,
                    "oneDNN " + std::to_string(v->major) + "." + std::to_string(v->minor) + "." +
                        std::to_string(v->patch) +
                        (vnni ? "" : "; its int8 is left out: without VNNI its products saturate")});
#else
  states.push_back({"onednn", false, "not built in: libdnnl-dev was not found"});
#endif
  return states;
}

double trial_ns(Stepper& stepper, const Workload& w) {
  std::vector<float> out(static_cast<size_t>(w.spec.rows * w.spec.outputs));
  std::vector<double> times;
  constexpr int kRuns = 60;
  for (int i = 0; i < kRuns; ++i) {
    const float* x = w.x.data() + i % w.steps() * w.step_size();
    const uint64_t before = ticks_before();
    stepper.step(x, out.data());
    times.push_back(tick_scale().ns(before, ticks_after()));
  }
  std::sort(times.begin(), times.end());
  return percentile(times, 0.5);
}

}  // namespace quantick::bench
