#pragma once
#include <nlohmann/json_fwd.hpp>

namespace quantick::cli {

/// JSON has no NaN and no infinities: null stands for them.
nlohmann::ordered_json number_or_null(double v);

}  // namespace quantick::cli
