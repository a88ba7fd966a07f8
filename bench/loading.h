#pragma once
// What a start costs: loading a model file with its checksum and packing, and the first step after warm_up().
#include <nlohmann/json_fwd.hpp>

namespace quantick::bench {

/// {"file_bytes", "load_seconds", "first_step_ns", "hundredth_step_ns"}: medians.
nlohmann::json measure_loading();

}  // namespace quantick::bench
