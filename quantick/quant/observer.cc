#include "quantick/quant/observer.h"

#include <algorithm>
#include <cmath>
#include <typeinfo>

#include "quantick/core/error.h"
#include "quantick/core/fields.h"

namespace quantick::quant {
namespace {

struct Row {
  std::string_view name;
  std::unique_ptr<Observer> (*make)(const ObserverOptions&);
};

constexpr Row kObservers[] = {
    {"naive", make_min_max_observer},
    {"moving_average", make_moving_average_observer},
    {"percentile", make_percentile_observer},
    {"entropy", make_entropy_observer},
    {"mse", make_mse_observer},
};

}  // namespace

Observer::Observer(const ObserverOptions& options) : bits_(options.bits), symmetric_(options.symmetric) {
  QTK_CHECK(bits_ >= 2 && bits_ <= 16, ValueError, "[observer] bits, was {}, expected 2..16", bits_);
}

void Observer::observe(std::span<const float> values) {
  histogram_.add(values);
  bool any = false;
  ObservedRange batch;
  for (const float x : values) {
    if (!std::isfinite(x)) continue;
    batch.low = any ? std::min<double>(batch.low, x) : x;
    batch.high = any ? std::max<double>(batch.high, x) : x;
    any = true;
  }
  if (any) on_batch(batch);
}

void Observer::merge(const Observer& other) {
  const Observer& self = *this;
  QTK_CHECK(typeid(self) == typeid(other), TypeError, "[observer] merge: the observers are of different kinds");
  on_merge(other);
  histogram_.merge(other.histogram_);
}

std::vector<std::string> observer_names() {
  std::vector<std::string> names;
  for (const Row& row : kObservers) names.emplace_back(row.name);
  return names;
}

std::unique_ptr<Observer> make_observer(std::string_view name, const ObserverOptions& options) {
  for (const Row& row : kObservers)
    if (row.name == name) return row.make(options);
  const std::string near = nearest_name(name, observer_names());
  std::string known;
  for (const Row& row : kObservers) known += (known.empty() ? "" : ", ") + std::string(row.name);
  fail<ValueError>("[observer] unknown observer \"{}\"{}; known: {}", name,
                   near.empty() ? "" : ", did you mean \"" + near + "\"?", known);
}

}  // namespace quantick::quant
