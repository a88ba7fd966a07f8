// Tick files to rows and labels, for tests/python.
#include <string>
#include <vector>

#include "quantick/features/ticks/tick_feature_set.h"
#include "quantick/features/ticks/tick_labels.h"
#include "quantick/market/tick_reader.h"
#include "tests/oracle/commands.h"

namespace quantick::oracle {

Json run_ticks(const Json& in) {
  const market::TickTape tape(
      *market::open_ticks(in.at("file").get<std::string>(), {.price_step = in.value("price_step", 0.01)}));
  const auto names = in.at("features").get<std::vector<std::string>>();
  const auto matrix = features::compute_tick_features(names, {.quotes = in.value("quotes", "file")}, tape.events());
  const auto labels = features::forward_mid_returns(
      matrix.points, {.ticks = in.value("label_ticks", int64_t{0}), .seconds = in.value("label_seconds", 0.0)});
  Json times = Json::array(), ticks = Json::array();
  for (const auto& point : matrix.points) {
    times.push_back(point.time);
    ticks.push_back(point.tick);
  }
  return {{"names", matrix.names},     {"values", matrix.values}, {"times", times},           {"ticks", ticks},
          {"label_rows", labels.rows}, {"labels", labels.values}, {"dropped", labels.dropped}};
}

}  // namespace quantick::oracle
