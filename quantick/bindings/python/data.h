#pragma once
// What the files that bring data in and results out share: arrays that are views into C++ objects, dates, numbers.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "quantick/core/error.h"
#include "quantick/market/date.h"
#include "quantick/strategy/scores.h"

namespace quantick::python {

void bind_arrow(nanobind::module_& m);
void bind_frames(nanobind::module_& m);
void bind_market(nanobind::module_& m);
void bind_scores(nanobind::module_& m);
void bind_ticks(nanobind::module_& m);
void bind_features(nanobind::module_& m);
void bind_tick_features(nanobind::module_& m);
void bind_strategies(nanobind::module_& m);
void bind_backtest(nanobind::module_& m);
void bind_metrics(nanobind::module_& m);
void bind_comparison(nanobind::module_& m);
void bind_tick_backtest(nanobind::module_& m);
void bind_report(nanobind::module_& m);

/// A read-only NumPy array on memory inside the object behind `owner`, which it keeps alive.
template <class T>
nanobind::object view_of(std::span<const T> values, const std::vector<size_t>& shape, nanobind::handle owner) {
  return nanobind::cast(nanobind::ndarray<nanobind::numpy, const T>(values.data(), shape.size(), shape.data(), owner),
                        nanobind::rv_policy::reference);
}

/// A NumPy array that takes the vector over.
template <class T>
nanobind::object moved_array(std::vector<T>&& values, const std::vector<size_t>& shape) {
  auto* kept = new std::vector<T>(std::move(values));
  const nanobind::capsule owner(kept, [](void* memory) noexcept { delete static_cast<std::vector<T>*>(memory); });
  return nanobind::cast(nanobind::ndarray<nanobind::numpy, T>(kept->data(), shape.size(), shape.data(), owner),
                        nanobind::rv_policy::reference);
}
template <class T>
nanobind::object moved_array(std::vector<T>&& values) {
  const std::vector<size_t> shape{values.size()};
  return moved_array(std::move(values), shape);
}

/// datetime64[D].
nanobind::object array_of_dates(std::span<const market::Date> dates);

/// Numbers of a call: NumPy's, contiguous, converted by the Python side.
using Numbers = nanobind::ndarray<const double, nanobind::ndim<1>, nanobind::c_contig, nanobind::device::cpu>;
using WholeNumbers = nanobind::ndarray<const int64_t, nanobind::ndim<1>, nanobind::c_contig, nanobind::device::cpu>;
inline std::span<const double> span_of(const Numbers& numbers) { return {numbers.data(), numbers.size()}; }
inline std::span<const int64_t> span_of(const WholeNumbers& numbers) { return {numbers.data(), numbers.size()}; }

/// quantick.frames.to_pandas() of one of the package's objects.
nanobind::object frame_of(nanobind::handle data);

/// Of a text such as 2020-01-02, a datetime.date (a pandas.Timestamp is one) or a numpy.datetime64. Throws TypeError
/// for other things, ParseError for other texts.
market::Date date_of(nanobind::handle value, std::string_view who, std::string_view name);

/// A text, or several: "A" is {"A"}. Throws TypeError for other things.
std::vector<std::string> names_of(nanobind::handle values, std::string_view who, std::string_view name);

/// Days since 1970-01-01.
std::vector<market::Date> dates_of(const WholeNumbers& days);

}  // namespace quantick::python
