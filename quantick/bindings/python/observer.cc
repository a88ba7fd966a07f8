// Observers and calibration in time order.
#include "quantick/quant/observer.h"

#include <nanobind/stl/tuple.h>
#include <nanobind/stl/unique_ptr.h>

#include "quantick/bindings/python/casters.h"
#include "quantick/bindings/python/quant.h"
#include "quantick/bindings/python/unlocked.h"
#include "quantick/core/error.h"
#include "quantick/quant/calibration.h"
#include "quantick/quant/corrections.h"
#include "quantick/quant/walk_forward.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace quantick::python {
namespace {

using quant::Histogram;
using quant::ObservedRange;
using quant::Observer;
using quant::WalkForwardWindow;

std::pair<double, double> pair_of(const ObservedRange& range) { return {range.low, range.high}; }

void observe(Observer& self, nb::handle values) {
  const Array array = array_of(values);
  QTK_CHECK(array.dtype() == DType::f32, TypeError, "[observer] values, were {}, expected float32",
            dtype_name(array.dtype()));
  const Unlocked released;
  const Array rows = array.contiguous();
  self.observe({rows.data<float>(), static_cast<size_t>(rows.size())});
}

void bind_histogram(nb::module_& m) {
  nb::class_<Histogram>(m, "Histogram",
                        "Distribution of observed values in half a megabyte, in bins never wider than 1/128 of their "
                        "value; order of arrival and of merging do not matter.")
      .def_prop_ro("observed", &Histogram::observed, "Finite values.")
      .def_prop_ro("missing", &Histogram::missing, "NaN and infinities.")
      .def_prop_ro("low", &Histogram::low, "Least value; 0 where none was observed.")
      .def_prop_ro("high", &Histogram::high, "Largest value; 0 where none was observed.")
      .def("quantile", &Histogram::quantile, "q"_a,
           "The value below which a share q in [0, 1] lies, within a bin's width.")
      .def(
          "bins",
          [](const Histogram& h) {
            std::vector<std::tuple<double, double, int64_t>> out;
            for (const auto& bin : h.bins()) out.emplace_back(bin.low, bin.high, bin.count);
            return out;
          },
          "(low, high, count) of the bins that are not empty, ascending.")
      .def("equal_bins", &Histogram::equal_bins, "bins"_a, "Counts in equal parts of [low, high], for charts.")
      .def("__repr__", [](const Histogram& h) {
        return fmt::format("Histogram({} values in [{}, {}], {} missing)", h.observed(), h.low(), h.high(),
                           h.missing());
      });
}

void bind_windows(nb::module_& m) {
  nb::class_<WalkForwardWindow>(m, "WalkForwardWindow",
                                "Rows first .. last - 1 calibrate, rows valid_from .. valid_to - 1 may use the result.")
      .def_ro("first", &WalkForwardWindow::first)
      .def_ro("last", &WalkForwardWindow::last)
      .def_ro("valid_from", &WalkForwardWindow::valid_from)
      .def_ro("valid_to", &WalkForwardWindow::valid_to)
      .def("__eq__",
           [](const WalkForwardWindow& a, nb::handle b) {
             return nb::isinstance<WalkForwardWindow>(b) && a == nb::cast<const WalkForwardWindow&>(b);
           })
      .def("__repr__", [](const WalkForwardWindow& w) {
        return fmt::format("WalkForwardWindow(rows {}..{} for rows {}..{})", w.first, w.last - 1, w.valid_from,
                           w.valid_to - 1);
      });
  m.def(
      "walk_forward_windows",
      [](const std::vector<int64_t>& times, int64_t window, int64_t step, int64_t embargo) {
        return quant::walk_forward_windows(times, window, step, embargo);
      },
      "times"_a, "window"_a, "step"_a, "embargo"_a = 0);
}

}  // namespace

void bind_observers(nb::module_& m) {
  bind_histogram(m);
  nb::class_<Observer>(m, "Observer", "Looks at a tensor during calibration and chooses its range: see make_observer.")
      .def("observe", &observe, "values"_a, nb::sig("def observe(self, values: typing.Any) -> None"),
           "One batch, float32 of any shape; NaN and infinities are counted and skipped.")
      .def("merge", &Observer::merge, "other"_a,
           "Adds what another observer of the same kind has seen. Raises TypeError for another kind.")
      .def_prop_ro(
          "range", [](const Observer& o) { return pair_of(o.range()); },
          "(low, high) that quantization should cover, at the bits that the observer was made for.")
      .def(
          "range_for",
          [](const Observer& o, int bits, bool symmetric) {
            QTK_CHECK(bits >= 2 && bits <= 16, ValueError, "[observer] bits, was {}, expected 2..16", bits);
            return pair_of(o.range_for(bits, symmetric));
          },
          "bits"_a, "symmetric"_a = false, "The same for other integers.")
      .def_prop_ro("histogram", &Observer::histogram, nb::rv_policy::reference_internal);
  m.def("observer_names", &quant::observer_names, "What make_observer and calib_mode know.");
  m.def("correction_names", &quant::correction_names, "In the order in which they are applied.");
  m.def(
      "make_observer",
      [](const std::string& name, double percentile, double momentum, int bits, bool symmetric) {
        return quant::make_observer(name, {percentile, momentum, bits, symmetric});
      },
      "name"_a, "percentile"_a = 99.99, "momentum"_a = 0.9, "bits"_a = 8, "symmetric"_a = false,
      "An observer as calib_mode names it. percentile: share kept on each side, in percent, of \"percentile\". "
      "momentum: weight of the past, of \"moving_average\". bits, symmetric: of the integers that the range is for.");
  m.def(
      "choose_format",
      [](double low, double high, int bits, bool symmetric, bool power_of_two) {
        QTK_CHECK(bits >= 2 && bits <= 16, ValueError, "[quantize] bits, was {}, expected 2..16", bits);
        QTK_CHECK(low <= high, ValueError, "[quantize] range, was [{}, {}], expected numbers in order", low, high);
        const TensorFormat format = quant::choose_format({low, high}, {bits, symmetric, power_of_two});
        return std::pair(static_cast<double>(format.scale), static_cast<int64_t>(format.zero_point));
      },
      "low"_a, "high"_a, "bits"_a = 8, "symmetric"_a = false, "power_of_two"_a = false,
      "(scale, zero_point) of the integers that cover a range: a code q means (q - zero_point) * scale. Above 8 bits "
      "the zero point is 0. Raises ValueError for a range that float32 scales cannot cover.");
  bind_windows(m);
}

}  // namespace quantick::python
