#include "quantick/cli/json_number.h"

#include <cmath>
#include <nlohmann/json.hpp>

namespace quantick::cli {

nlohmann::ordered_json number_or_null(double v) {
  if (!std::isfinite(v)) return nullptr;
  return v;
}

}  // namespace quantick::cli
