// Features of bars, their live form, scaling, and samples.
#include "quantick/features/feature_set.h"

#include <nanobind/stl/function.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include <cmath>
#include <memory>

#include "quantick/bindings/python/casters.h"
#include "quantick/bindings/python/data.h"
#include "quantick/bindings/python/fields.h"
#include "quantick/bindings/python/long_call.h"
#include "quantick/bindings/python/unlocked.h"
#include "quantick/features/forward_return.h"
#include "quantick/features/registry.h"
#include "quantick/features/scaler.h"
#include "quantick/features/ticks/tick_registry.h"
#include "quantick/features/truncation.h"
#include "quantick/features/window_dataset.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace quantick::python {
namespace {

using features::FeatureSet;
using features::Scaler;
using features::WindowDataset;
using market::Date;
using market::Panel;

template <class Row>
nb::list rows_of(std::span<const Row> registry) {
  nb::list out;
  for (const Row& row : registry) {
    nb::dict entry, parameters;
    for (const auto& p : row.parameters) {
      nb::dict parameter;
      parameter["default"] = p.usual;
      parameter["doc"] = p.doc;
      parameters[p.name.c_str()] = parameter;
    }
    entry["name"] = row.name;
    entry["doc"] = row.doc;
    entry["example"] = row.example;
    entry["parameters"] = parameters;
    out.append(entry);
  }
  return out;
}

/// What it holds cannot be copied, which its vectors do not tell.
struct BoundFeatures : FeatureSet {
  using FeatureSet::FeatureSet;
  BoundFeatures(const BoundFeatures&) = delete;
  BoundFeatures& operator=(const BoundFeatures&) = delete;
};

/// A stream and the set it needs.
struct LiveFeatures {
  LiveFeatures(std::shared_ptr<BoundFeatures> features, int64_t count)
      : set(std::move(features)), stream(*set, count), instruments(count) {}
  LiveFeatures(const LiveFeatures&) = delete;
  LiveFeatures& operator=(const LiveFeatures&) = delete;

  nb::object update(const nb::dict& values) {
    const auto fields = set->fields();
    std::vector<Numbers> held;
    std::vector<const double*> inputs;
    for (const auto& field : fields) {
      QTK_CHECK(values.contains(field.c_str()), ValueError, "[features] update: field \"{}\" is missing, expected {}",
                field, fmt::join(fields, ", "));
      held.push_back(nb::cast<Numbers>(values[field.c_str()]));
      QTK_CHECK(static_cast<int64_t>(held.back().size()) == instruments, ShapeError,
                "[features] update: field \"{}\" has {} values, expected one per instrument, {}", field,
                held.back().size(), instruments);
      inputs.push_back(held.back().data());
    }
    std::vector<double> out(static_cast<size_t>(instruments * set->size()));
    stream.update(inputs, out);
    return moved_array(std::move(out), {static_cast<size_t>(instruments), static_cast<size_t>(set->size())});
  }

  std::shared_ptr<BoundFeatures> set;
  features::FeatureSetStream stream;
  int64_t instruments;
};

void bind_sets(nb::module_& m) {
  nb::class_<LiveFeatures>(m, "FeatureStream", "Features under way: one date after the other, the bits of the batch.")
      .def("update", &LiveFeatures::update, "values"_a,
           nb::sig("def update(self, values: dict[str, typing.Any]) -> numpy.ndarray"),
           "Takes the bars of one date, an array of one value per instrument for each of FeatureSet.fields (NaN: "
           "missing); gives [instruments, features], NaN where there is no value yet.");
  nb::class_<BoundFeatures>(m, "FeatureSet",
                            "Features by their text, as run files have them: \"momentum(20, skip=5)\", "
                            "\"rank(return(5))\". A value at date t uses bars up to and including t.")
      .def(
          "__init__",
          [](BoundFeatures* self, const std::vector<std::string>& specifications) {
            new (self) BoundFeatures(specifications);
          },
          "specifications"_a)
      .def_prop_ro(
          "names", [](const BoundFeatures& s) { return s.names(); }, "Canonical texts, in the order of the columns.")
      .def_prop_ro(
          "fields",
          [](const BoundFeatures& s) { return std::vector<std::string>(s.fields().begin(), s.fields().end()); },
          "Fields of the bars that are read; \"price\" is THE price.")
      .def_prop_ro(
          "warm_up", [](const BoundFeatures& s) { return s.warm_up(); }, "Bars ahead of the first with every value.")
      .def("__len__", [](const BoundFeatures& s) { return s.size(); })
      .def("__repr__",
           [](const BoundFeatures& s) {
             return fmt::format("FeatureSet of {} features, {} bars of warm-up: {}", s.size(), s.warm_up(),
                                fmt::join(s.names(), ", "));
           })
      .def(
          "compute",
          [](const BoundFeatures& s, const Panel& panel) {
            std::vector<double> values;
            {
              const LongCall call;
              values = s.compute(panel);
            }
            return moved_array(std::move(values),
                               {panel.dates.size(), panel.instruments.size(), static_cast<size_t>(s.size())});
          },
          "panel"_a, nb::sig("def compute(self, panel: Panel) -> numpy.ndarray"),
          "[dates, instruments, features], NaN where there is no value.")
      .def(
          "check_truncation",
          [](const BoundFeatures& s, const Panel& panel,
             const std::vector<int64_t>& cuts) -> std::optional<std::string> {
            const LongCall call;
            const auto leak = features::find_leak<double>(panel, cuts, [&](const Panel& p) { return s.compute(p); });
            return leak ? std::optional(leak->to_string(panel)) : std::nullopt;
          },
          "panel"_a, "cuts"_a,
          "Removes the dates from each of `cuts` (positions) on and computes again: None where every earlier value "
          "kept its bits, else what changed.")
      .def(
          "stream",
          [](const std::shared_ptr<BoundFeatures>& s, int64_t instruments) {
            QTK_CHECK(instruments > 0, ValueError, "[features] instruments, was {}, expected 1 or more", instruments);
            return std::make_unique<LiveFeatures>(s, instruments);
          },
          "instruments"_a, "The live form.");
  m.def(
      "leak_of_feature",
      [](const Panel& panel, const std::vector<int64_t>& cuts,
         const std::function<Numbers(const Panel&)>& outputs) -> std::optional<std::string> {
        for (const int64_t cut : cuts)
          QTK_CHECK(cut >= 1 && cut < panel.date_count(), ValueError,
                    "[features] cut {}, expected the position of a date from 1 to {}", cut, panel.date_count() - 1);
        const auto leak = features::find_leak<double>(panel, cuts, [&](const Panel& p) {
          const Numbers values = outputs(p);
          return std::vector<double>(values.data(), values.data() + values.size());
        });
        return leak ? std::optional(leak->to_string(panel)) : std::nullopt;
      },
      "panel"_a, "cuts"_a, "outputs"_a,
      nb::sig("def leak_of_feature(panel: Panel, cuts: typing.Sequence[int], outputs: typing.Callable[[Panel], "
              "typing.Any]) -> str | None"));
  m.def(
      "feature_rows", [] { return rows_of(features::feature_registry()); },
      nb::sig("def feature_rows() -> list[dict[str, typing.Any]]"));
  m.def(
      "tick_feature_rows", [] { return rows_of(features::tick_feature_registry()); },
      nb::sig("def tick_feature_rows() -> list[dict[str, typing.Any]]"));
  m.def(
      "forward_returns_of",
      [](const Panel& panel, int64_t horizon) {
        return strategy::ScoreMatrix{panel.dates, panel.instruments, features::forward_returns(panel, horizon)};
      },
      "panel"_a, "horizon"_a);
}

void bind_scaler(nb::module_& m) {
  using Cube = nb::ndarray<const double, nb::c_contig, nb::device::cpu>;
  nb::class_<Scaler>(m, "Scaler", "(x - center) / scale, cut to +-clip; NaN stays NaN.")
      .def("__repr__",
           [](const Scaler& s) {
             return fmt::format("Scaler {} of {} features: {}", s.kind, s.features.size(), fmt::join(s.features, ", "));
           })
      .def(
          "__getstate__", [](const Scaler& s) { return python_value(s); },
          nb::sig("def __getstate__(self) -> typing.Any"))
      .def(
          "__setstate__",
          [](Scaler* self, const nb::dict& state) {
            auto held = from_keywords<Scaler>(state, "features.Scaler");
            QTK_CHECK(held.center.size() == held.features.size() && held.scale.size() == held.features.size(),
                      ShapeError, "[features.Scaler] centers and scales, were {} and {}, expected one per feature, {}",
                      held.center.size(), held.scale.size(), held.features.size());
            new (self) Scaler(std::move(held));
          },
          nb::sig("def __setstate__(self, state: typing.Any, /) -> None"))
      .def_ro("kind", &Scaler::kind)
      .def_ro("clip", &Scaler::clip)
      .def_ro("features", &Scaler::features)
      .def_ro("center", &Scaler::center)
      .def_ro("scale", &Scaler::scale)
      .def_static(
          "fit_to",
          [](const Cube& values, std::vector<std::string> names, int64_t instruments, int64_t begin, int64_t end,
             const nb::dict& options) {
            return Scaler::fit({values.data(), values.size()}, std::move(names), instruments, begin, end,
                               from_keywords<features::ScalerOptions>(options, "features.Scaler"));
          },
          "values"_a, "names"_a, "instruments"_a, "begin"_a, "end"_a, "options"_a,
          nb::sig("def fit_to(values: typing.Any, names: typing.Sequence[str], instruments: int, begin: int, "
                  "end: int, options: dict[str, typing.Any]) -> Scaler"))
      .def(
          "transform",
          [](const Scaler& s, const Cube& values) {
            std::vector<size_t> shape;
            for (size_t i = 0; i < values.ndim(); ++i) shape.push_back(values.shape(i));
            QTK_CHECK(!shape.empty() && shape.back() == s.features.size(), ShapeError,
                      "[scaler] values with a last axis of {}, expected {}: one value a feature",
                      shape.empty() ? 0 : shape.back(), s.features.size());
            return moved_array(s.transform(std::span(values.data(), values.size())), shape);
          },
          "values"_a, nb::sig("def transform(self, values: typing.Any) -> numpy.ndarray"),
          "float64 [..., features] to float32 of that shape.");
}

void bind_dataset(nb::module_& m) {
  using FloatCube = nb::ndarray<const float, nb::ndim<3>, nb::c_contig, nb::device::cpu>;
  nb::class_<features::SampleList>(m, "SampleList", "Samples of a segment, by date, then instrument.")
      .def_prop_ro(
          "ids",
          [](nb::handle self) {
            const auto& list = nb::cast<const features::SampleList&>(self);
            return view_of(std::span(list.ids), {list.ids.size()}, self);
          },
          nb::sig("def ids(self) -> numpy.ndarray"), "date position * instruments + instrument.")
      .def_prop_ro(
          "skipped", [](const features::SampleList& list) { return python_value(list.skipped); },
          nb::sig("def skipped(self) -> dict[str, int]"), "Samples left out, by reason.")
      .def("__len__", [](const features::SampleList& list) { return list.ids.size(); })
      .def("__repr__",
           [](const features::SampleList& list) { return fmt::format("SampleList of {} samples", list.ids.size()); });
  nb::class_<WindowDataset>(m, "WindowDataset",
                            "Samples for a sequence model: windows of scaled features, and labels from the future.")
      .def(
          "__init__",
          [](WindowDataset* self, const Panel& panel, const FloatCube& values, const nb::dict& options) {
            new (self) WindowDataset(panel, {values.data(), values.data() + values.size()},
                                     static_cast<int64_t>(values.shape(2)),
                                     from_keywords<features::DatasetOptions>(options, "features.WindowDataset"));
          },
          "panel"_a, "values"_a, "options"_a,
          nb::sig("def __init__(self, panel: Panel, values: typing.Any, options: dict[str, typing.Any]) -> None"))
      .def_prop_ro(
          "options", [](const WindowDataset& d) { return python_value(d.options()); },
          nb::sig("def options(self) -> dict[str, typing.Any]"))
      .def_prop_ro(
          "dates", [](const WindowDataset& d) { return array_of_dates(d.dates()); },
          nb::sig("def dates(self) -> numpy.ndarray"))
      .def_prop_ro("instruments",
                   [](const WindowDataset& d) {
                     return std::vector<std::string>(d.instruments().begin(), d.instruments().end());
                   })
      .def_prop_ro("width", &WindowDataset::width, "Features.")
      .def("__repr__",
           [](const WindowDataset& d) {
             return fmt::format(
                 "WindowDataset of {} dates, {} instruments, {} features: windows of {}, labels {} over {}",
                 d.dates().size(), d.instruments().size(), d.width(), d.options().window, d.options().label,
                 d.options().horizon);
           })
      .def(
          "labelled",
          [](const WindowDataset& d, nb::handle from, nb::handle to, nb::handle next, int64_t embargo) {
            features::SegmentOptions segment{.embargo = embargo};
            const std::string_view who = "WindowDataset.labelled";
            if (nb::cast<bool>(nb::bool_(next))) segment.next_segment = date_of(next, who, "next_segment");
            return d.labelled(date_of(from, who, "from_date"), date_of(to, who, "to_date"), segment);
          },
          "from_date"_a, "to_date"_a, "next_segment"_a = "", "embargo"_a = 0,
          nb::sig("def labelled(self, from_date: typing.Any, to_date: typing.Any, next_segment: typing.Any = '', "
                  "embargo: int = 0) -> SampleList"),
          "Samples with a label whose date lies in [from, to]; those whose label reaches into the next segment, which "
          "begins at `next_segment`, or less than `embargo` bars ahead of it, are left out.")
      .def(
          "predictable",
          [](const WindowDataset& d, nb::handle from, nb::handle to) {
            return d.predictable(date_of(from, "WindowDataset.predictable", "from_date"),
                                 date_of(to, "WindowDataset.predictable", "to_date"));
          },
          "from_date"_a, "to_date"_a,
          nb::sig("def predictable(self, from_date: typing.Any, to_date: typing.Any) -> SampleList"),
          "Samples whose date lies in [from, to], with or without a label.")
      .def(
          "gather",
          [](const WindowDataset& d, const WholeNumbers& ids, bool labels) {
            const auto count = ids.size();
            std::vector<float> x(static_cast<size_t>(d.options().window) * count * static_cast<size_t>(d.width()));
            std::vector<float> y(labels ? count : 0);
            {
              const Unlocked released;
              d.gather(span_of(ids), x.data(), labels ? y.data() : nullptr);
            }
            const std::vector<size_t> shape{static_cast<size_t>(d.options().window), count,
                                            static_cast<size_t>(d.width())};
            return nb::make_tuple(moved_array(std::move(x), shape),
                                  labels ? moved_array(std::move(y)) : nb::object(nb::none()));
          },
          "ids"_a, "labels"_a = true,
          nb::sig("def gather(self, ids: typing.Any, labels: bool = True) -> tuple[numpy.ndarray, numpy.ndarray | "
                  "None]"),
          "(x [window, samples, features], y [samples] or None), float32.")
      .def(
          "scores",
          [](const WindowDataset& d, const WholeNumbers& ids, const Numbers& values) {
            QTK_CHECK(ids.size() == values.size(), ShapeError, "[features] {} scores for {} samples", values.size(),
                      ids.size());
            QTK_CHECK(d.seconds().empty(), ValueError,
                      "[features] scores of bars within a day, expected one bar a day");
            const auto count = static_cast<size_t>(d.instrument_count());
            strategy::ScoreMatrix out{{}, {d.instruments().begin(), d.instruments().end()}, {}};
            for (size_t i = 0; i < ids.size(); ++i) {
              const int64_t id = ids.data()[i];
              QTK_CHECK(id >= 0 && id < d.date_count() * d.instrument_count(), IndexError,
                        "[features] sample {}, expected 0 to {}", id, d.date_count() * d.instrument_count() - 1);
              const Date date = d.dates()[static_cast<size_t>(d.date_of(id))];
              QTK_CHECK(out.dates.empty() || out.dates.back() <= date, ValueError,
                        "[features] sample {} is of {}, behind {}: expected ids in the order of a SampleList", id,
                        date.to_string(), out.dates.back().to_string());
              if (out.dates.empty() || out.dates.back() != date) {
                out.dates.push_back(date);
                out.values.resize(out.values.size() + count, market::kMissing);
              }
              out.row(out.date_count() - 1)[static_cast<size_t>(d.instrument_of(id))] = values.data()[i];
            }
            return out;
          },
          "ids"_a, "values"_a, nb::sig("def scores(self, ids: typing.Any, values: typing.Any) -> ScoreMatrix"),
          "A number per sample as a ScoreMatrix, for backtest.run().");
}

}  // namespace

void bind_features(nb::module_& m) {
  bind_sets(m);
  bind_scaler(m);
  bind_dataset(m);
}

}  // namespace quantick::python
