#pragma once
// The look-ahead test: cut the future off, and every earlier output must keep its bits. Works on anything that turns a
// panel into `width` numbers per date.
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "quantick/core/error.h"
#include "quantick/market/panel.h"

namespace quantick::features {

/// The first output that changed when the dates from `cut` on were removed.
struct Leak {
  int64_t cut = 0;
  int64_t date = 0;  // position, below cut
  int64_t column = 0;
  double whole = 0;      // the output with the future present
  double truncated = 0;  // and without it

  std::string to_string(const market::Panel& panel) const {
    return fmt::format("look-ahead: output {} of {} is {} with, and {} without the dates from {} on", column,
                       panel.dates[date].to_string(), whole, truncated, panel.dates[cut].to_string());
  }
};

/// outputs(panel) gives [T, width] numbers (float or double), for any T. Cuts at each position of `cuts`, 1..T-1.
/// Throws ValueError where there is none, or one elsewhere.
template <class Number>
std::optional<Leak> find_leak(const market::Panel& panel, std::span<const int64_t> cuts,
                              const std::function<std::vector<Number>(const market::Panel&)>& outputs) {
  QTK_CHECK(!cuts.empty(), ValueError, "[truncation] cuts, were none, expected one or more: nothing would be compared");
  const std::vector<Number> whole = outputs(panel);
  QTK_CHECK(panel.date_count() > 0 && whole.size() % panel.dates.size() == 0, ShapeError,
            "[truncation] {} outputs for {} dates, expected the same count for every date", whole.size(),
            panel.date_count());
  const auto width = static_cast<int64_t>(whole.size() / panel.dates.size());
  for (const int64_t cut : cuts) {
    QTK_CHECK(cut >= 1 && cut < panel.date_count(), ValueError, "[truncation] cut {}, expected a position of 1 to {}",
              cut, panel.date_count() - 1);
    const std::vector<Number> part = outputs(panel.slice(0, cut));
    QTK_CHECK(static_cast<int64_t>(part.size()) == cut * width, ShapeError,
              "[truncation] {} outputs for {} dates, expected {} per date", part.size(), cut, width);
    for (int64_t k = 0; k < cut * width; ++k) {
      if (std::memcmp(&part[k], &whole[k], sizeof(Number)) != 0) {
        return Leak{cut, k / width, k % width, static_cast<double>(whole[k]), static_cast<double>(part[k])};
      }
    }
  }
  return std::nullopt;
}

}  // namespace quantick::features
