// Quantization: the configuration from its field list, one call, and the report.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>

#include "quantick/bindings/python/casters.h"
#include "quantick/bindings/python/fields.h"
#include "quantick/bindings/python/long_call.h"
#include "quantick/bindings/python/module.h"
#include "quantick/bindings/python/quant.h"
#include "quantick/bindings/python/unlocked.h"
#include "quantick/core/float_mode.h"
#include "quantick/quant/quantizer.h"
#include "quantick/report/html_writer.h"
#include "quantick/report/quantization.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace quantick::python {
namespace {

using quant::CorrectionNote;
using quant::FloatNode;
using quant::QuantizationConfig;
using quant::QuantizationReport;
using quant::TensorReport;

/// The getter's type is that of python_value, the setter's that of read_value.
template <class Member>
void bind_field(nb::class_<QuantizationConfig>& bound, const Field<QuantizationConfig, Member>& field) {
  const std::string type = annotation_of<Member>(), name(field.name), doc(field.doc);
  std::string returned = type;
  if constexpr (detail::IsVector<Member>::value)
    returned = "list[" + annotation_of<typename Member::value_type>() + "]";
  const std::string getter = fmt::format("def {}(self) -> {}", name, returned);
  const std::string setter = fmt::format("def {}(self, value: {}) -> None", name, type);
  bound.def_prop_rw(
      name.c_str(), [member = field.member](const QuantizationConfig& c) { return python_value(c.*member); },
      [member = field.member, name](QuantizationConfig& c, nb::handle value) {
        read_value(value, c.*member, "quantize", name);
      },
      nb::for_getter(nb::sig(getter.c_str())), nb::for_setter(nb::sig(setter.c_str())), doc.c_str());
}

void bind_config(nb::module_& m) {
  static const Signature signature("quantize", arguments_of<QuantizationConfig>());
  nb::class_<QuantizationConfig> bound(m, "QuantizationConfig",
                                       "How a network is quantized. Rules are dicts; a later rule wins.");
  const std::string init = signature.text("__init__", "None", "self"), doc = signature.doc("All settings.");
  bound.def(
      "__init__",
      [](QuantizationConfig* self, const nb::args& values, const nb::kwargs& keywords) {
        auto config = from_keywords<QuantizationConfig>(signature.bind(values, keywords), signature.who());
        config.validate();
        new (self) QuantizationConfig(std::move(config));
      },
      nb::sig(init.c_str()), doc.c_str());
  std::apply([&](const auto&... field) { (bind_field(bound, field), ...); }, QuantizationConfig::fields());
  bound.def("validate", &QuantizationConfig::validate, "Raises ValueError and UnsupportedError for wrong values.")
      .def("default_method", &QuantizationConfig::default_method, "What method \"auto\" means here.")
      .def(
          "to_dict", [](const QuantizationConfig& c) { return python_value(c); },
          nb::sig("def to_dict(self) -> dict[str, typing.Any]"))
      .def("copy", [](const QuantizationConfig& c) { return c; })
      .def(
          "__getstate__", [](const QuantizationConfig& c) { return python_value(c); },
          nb::sig("def __getstate__(self) -> dict[str, typing.Any]"))
      .def(
          "__setstate__",
          [](QuantizationConfig* self, const nb::dict& state) {
            new (self) QuantizationConfig(from_keywords<QuantizationConfig>(state, signature.who()));
          },
          "state"_a, nb::sig("def __setstate__(self, state: dict[str, typing.Any]) -> None"))
      .def("__eq__",
           [](const QuantizationConfig& a, nb::handle b) {
             return nb::isinstance<QuantizationConfig>(b) &&
                    python_value(a).equal(python_value(nb::cast<const QuantizationConfig&>(b)));
           })
      .def("__repr__", [](const QuantizationConfig& c) {
        // What differs from the defaults.
        const nb::dict usual = nb::cast<nb::dict>(python_value(QuantizationConfig()));
        std::string out;
        for (auto [name, value] : nb::cast<nb::dict>(python_value(c)))
          if (!value.equal(usual[name]))
            out += fmt::format("{}{}={}", out.empty() ? "" : ", ", nb::cast<std::string>(name),
                               nb::cast<std::string>(nb::repr(value)));
        return "QuantizationConfig(" + out + ")";
      });
}

constexpr auto members_of(const TensorReport*) {
  using T = TensorReport;
  return std::make_tuple(
      field("name", &T::name, "Layer, or \"input\"; \".2\" and on where a layer has several tensors."),
      field("op", &T::op, "Operator, \"\" for the input."),
      field("dtype", &T::dtype, "Of the program's tensor: \"int8\", \"int6\", \"float32\", ..."),
      field("scale", &T::scale), field("zero_point", &T::zero_point),
      field("low", &T::low, "Range chosen in calibration."), field("high", &T::high, "Range chosen in calibration."),
      field("sqnr_db", &T::sqnr_db,
            "Signal to quantization noise in dB against the float network; infinity where equal, NaN without samples."),
      field("sqnr_mean_removed_db", &T::sqnr_mean_removed_db, "The same with both means removed."),
      field("cosine", &T::cosine, "Cosine similarity with the float network."),
      field("saturation", &T::saturation, "Share of values that the format cuts off."),
      field("own_sqnr_db", &T::own_sqnr_db, "Of the noise that this node alone adds."),
      field("dead_zone", &T::dead_zone, "Share of updates of a state that were lost whole."),
      field("inner_saturation", &T::inner_saturation, "Share of values inside the node that were clamped."),
      field("method", &T::method, "\"static\", \"dynamic\", ...; \"\" for the input and conversions."),
      field("collapsed", &T::collapsed, "Whether the program's tensor is one value though the float one is not."),
      field("observed", &T::observed, "Values that calibration saw."),
      field("missing", &T::missing, "NaN and infinities that calibration skipped."),
      field("histogram_low", &T::histogram_low), field("histogram_high", &T::histogram_high),
      field("histogram", &T::histogram, "Counts in equal parts of that range."));
}

constexpr auto members_of(const FloatNode*) {
  return std::make_tuple(field("name", &FloatNode::name), field("layer", &FloatNode::layer),
                         field("op", &FloatNode::op), field("reason", &FloatNode::reason, "Why it stays float."));
}

constexpr auto members_of(const CorrectionNote*) {
  using C = CorrectionNote;
  return std::make_tuple(
      field("correction", &C::correction), field("layer", &C::layer),
      field("what", &C::what, "The quantity of before and after or, where skipped, why nothing was done."),
      field("before", &C::before), field("after", &C::after), field("skipped", &C::skipped));
}

template <class T>
nb::dict dict_of(const T& value) {
  nb::dict out;
  std::apply([&](const auto&... m) { ((out[m.name.data()] = python_value(value.*m.member)), ...); },
             members_of(&value));
  return out;
}

template <class T>
nb::list dicts_of(const std::vector<T>& values) {
  nb::list out;
  for (const T& value : values) out.append(dict_of(value));
  return out;
}

template <class T>
T from_dict(nb::handle values) {
  T out;
  std::apply([&](const auto&... m) { (read_value(values[m.name.data()], out.*m.member, "report", m.name), ...); },
             members_of(&out));
  return out;
}

template <class T>
std::vector<T> from_dicts(nb::handle values) {
  std::vector<T> out;
  for (nb::handle item : values) out.push_back(from_dict<T>(item));
  return out;
}

template <class T>
void bind_members(nb::module_& m, const char* name, const char* doc) {
  nb::class_<T> bound(m, name, doc);
  std::apply([&](const auto&... member) { (bound.def_ro(member.name.data(), member.member, member.doc.data()), ...); },
             members_of(static_cast<const T*>(nullptr)));
  bound.def("to_dict", &dict_of<T>, nb::sig("def to_dict(self) -> dict[str, typing.Any]"))
      .def("__repr__", [name = std::string(name)](const T& value) {
        return fmt::format("{}({})", name, nb::cast<std::string>(nb::repr(dict_of(value))));
      });
}

/// The report and what it reports on.
struct ReportOf {
  QuantizationConfig config;
  QuantizationReport report;
};

nb::dict dict_of_report(const ReportOf& r) {
  nb::dict out;
  out["config"] = python_value(r.config);
  out["tensors"] = dicts_of(r.report.tensors);
  out["float_nodes"] = dicts_of(r.report.float_nodes);
  out["corrections"] = dicts_of(r.report.corrections);
  out["warnings"] = r.report.warnings;
  out["advice"] = r.report.advice;
  out["calibration_rows"] = r.report.calibration_rows;
  out["compared_rows"] = r.report.compared_rows;
  out["float_bytes"] = r.report.float_bytes;
  out["program_bytes"] = r.report.program_bytes;
  return out;
}

void set_report(ReportOf* self, const nb::dict& state) {
  ReportOf out;
  const auto read = [&](const char* name, auto& member) { read_value(state[name], member, "report", name); };
  out.config = from_keywords<QuantizationConfig>(nb::cast<nb::dict>(state["config"]), "report");
  out.report.tensors = from_dicts<TensorReport>(state["tensors"]);
  out.report.float_nodes = from_dicts<FloatNode>(state["float_nodes"]);
  out.report.corrections = from_dicts<CorrectionNote>(state["corrections"]);
  read("warnings", out.report.warnings);
  read("advice", out.report.advice);
  read("calibration_rows", out.report.calibration_rows);
  read("compared_rows", out.report.compared_rows);
  read("float_bytes", out.report.float_bytes);
  read("program_bytes", out.report.program_bytes);
  new (self) ReportOf(std::move(out));
}

nb::object frame_of(const ReportOf& r) {
  const nb::object frame = nb::module_::import_("pandas").attr("DataFrame")(dicts_of(r.report.tensors));
  return frame.attr("set_index")("name");
}

std::string html_of(const ReportOf& r) {
  report::ReportData data;
  data.title = "Quantization";
  report::add_quantization(r.config, r.report, data);
  return report::to_html(data);
}

/// The page in a frame of its own, so that its style sheet and the notebook's leave each other alone.
std::string notebook_html(const ReportOf& r) {
  std::string page;
  for (const char c : html_of(r)) {
    if (c == '&')
      page += "&amp;";
    else if (c == '"')
      page += "&quot;";
    else
      page += c;
  }
  return "<iframe style=\"width:100%;height:640px;border:0\" title=\"Quantization\" srcdoc=\"" + page + "\"></iframe>";
}

void bind_report(nb::module_& m) {
  bind_members<TensorReport>(m, "TensorReport", "One tensor: the input, or the output of a node.");
  bind_members<FloatNode>(m, "FloatNode", "A node that stays in float32.");
  bind_members<CorrectionNote>(m, "CorrectionNote", "What a correction did to one layer, or why it did nothing.");
  nb::class_<ReportOf>(m, "QuantizationReport",
                       "What quantization cost, layer by layer: the float network and the program on the same samples.")
      .def_ro("config", &ReportOf::config)
      .def_prop_ro(
          "tensors", [](const ReportOf& r) { return r.report.tensors; },
          "In the order in which they are computed; the last one is the output.")
      .def_prop_ro("float_nodes", [](const ReportOf& r) { return r.report.float_nodes; })
      .def_prop_ro("corrections", [](const ReportOf& r) { return r.report.corrections; })
      .def_prop_ro("warnings", [](const ReportOf& r) { return r.report.warnings; })
      .def_prop_ro(
          "advice", [](const ReportOf& r) { return r.report.advice; }, "What to change first, most worthwhile first.")
      .def_prop_ro("calibration_rows", [](const ReportOf& r) { return r.report.calibration_rows; })
      .def_prop_ro("compared_rows", [](const ReportOf& r) { return r.report.compared_rows; })
      .def_prop_ro(
          "float_bytes", [](const ReportOf& r) { return r.report.float_bytes; }, "Of parameters.")
      .def_prop_ro(
          "program_bytes", [](const ReportOf& r) { return r.report.program_bytes; }, "Of constants.")
      .def(
          "text", [](const ReportOf& r) { return r.report.text(); }, "A table for people.")
      .def("__str__", [](const ReportOf& r) { return r.report.text(); })
      .def("__repr__",
           [](const ReportOf& r) {
             return fmt::format("QuantizationReport({} tensors, output {:.1f} dB)", r.report.tensors.size(),
                                r.report.tensors.back().sqnr_db);
           })
      .def("to_dict", &dict_of_report, nb::sig("def to_dict(self) -> dict[str, typing.Any]"))
      .def("__getstate__", &dict_of_report, nb::sig("def __getstate__(self) -> dict[str, typing.Any]"))
      .def("__setstate__", &set_report, "state"_a,
           nb::sig("def __setstate__(self, state: dict[str, typing.Any]) -> None"))
      .def("to_frame", &frame_of, nb::sig("def to_frame(self) -> typing.Any"),
           "The tensors as a pandas DataFrame, by name.")
      .def("to_html", &html_of, "A page that needs no network.")
      .def("_repr_html_", &notebook_html);
}

/// What a configuration means for one operation of a network.
struct LayerPlan {
  std::string name, layer, op, method, weight_dtype, granularity, output_dtype, reason;
  bool stays_float = false, refused = false;
};

constexpr auto members_of(const LayerPlan*) {
  using P = LayerPlan;
  return std::make_tuple(
      field("name", &P::name, "As rules and the report name it: the layer, with \".2\" and on where it has several."),
      field("layer", &P::layer, "Path of the block, as exclude_layers names it."), field("op", &P::op, "Operator."),
      field("method", &P::method, "\"static\", \"dynamic\", ..., \"float32\"."),
      field("weight_dtype", &P::weight_dtype, "\"\" where it has no weights."),
      field("granularity", &P::granularity, "Of its weights' scales; \"\" where it has no weights."),
      field("output_dtype", &P::output_dtype, "Asked for by a rule, or \"\"."), field("stays_float", &P::stays_float),
      field("refused", &P::refused, "Whether no program can hold it: quantization raises UnsupportedError."),
      field("reason", &P::reason, "Why it stays float or is refused, or \"\"."));
}

std::vector<LayerPlan> plan(nn::Block& model, const QuantizationConfig& config, const Shape& input_shape) {
  const FloatMode mode;
  const graph::Graph graph = quant::prepared(model.trace({{DType::f32, input_shape}}));
  const quant::GraphPlan plan = quant::plan_nodes(graph, config, quant::marks_of(model));
  std::vector<LayerPlan> out;
  for (size_t n = 0; n < plan.nodes.size(); ++n) {
    const graph::Node& node = graph.nodes()[n];
    const quant::NodePlan& of_node = plan.nodes[n];
    const bool weights = node.inputs.size() > 1 && node.op->integer.reads_integers;
    out.push_back({of_node.name, node.layer, node.op->name, of_node.precision.method,
                   weights ? of_node.precision.weight_dtype : "", weights ? of_node.precision.granularity : "",
                   of_node.output_dtype, of_node.float_reason, !of_node.float_reason.empty(), of_node.refused});
  }
  return out;
}

/// Of the inputs of the model's last call that worked; none before the first.
std::vector<Shape> last_input_shapes(const nn::Block& model) {
  std::vector<Shape> out;
  for (const TensorType& type : model.last_input_types()) out.push_back(type.shape);
  return out;
}

/// The axis of a model's input along which samples lie: 1 behind steps, else 0.
int batch_axis(nn::Block& model, const QuantizationConfig& config, const Shape& input_shape) {
  const FloatMode mode;
  const graph::Graph graph = model.trace({{DType::f32, input_shape}});
  return quant::plan_nodes(graph, config, quant::marks_of(model)).sequence.at(graph.inputs().at(0)) ? 1 : 0;
}

std::map<std::string, quant::ObservedRange> given_ranges(const nb::object& given) {
  std::map<std::string, quant::ObservedRange> out;
  if (!nb::isinstance<nb::dict>(given)) refuse_type("calibration", "ranges", given, "a dict of (low, high) by tensor");
  for (auto [name, range] : nb::borrow<nb::dict>(given)) {
    const auto tensor = nb::cast<std::string>(nb::str(name));
    std::vector<double> ends;
    read_value(range, ends, "calibration", "range of " + tensor);
    QTK_CHECK(ends.size() == 2, ValueError, "[calibration] range of {}, had {} numbers, expected low and high", tensor,
              ends.size());
    out[tensor] = {ends[0], ends[1]};
  }
  return out;
}

nb::tuple quantize(nn::Block& model, const QuantizationConfig& config, const std::vector<Array>& batches,
                   const std::optional<Array>& held_out, const std::optional<Shape>& input_shape,
                   const nb::object& on_batch, const nb::object& on_tensor, const nb::object& ranges) {
  quant::CalibrationData data(batches);
  if (!on_tensor.is_none())
    data.on_tensor = [&](const std::string& tensor, const std::string& op, const Array& values) {
      const Locked lock;
      on_tensor(tensor, op, values.copy());
    };
  if (!ranges.is_none())
    data.ranges = [&] {
      const Locked lock;
      return given_ranges(ranges());
    };
  if (!on_batch.is_none())
    data.on_batch = [&](size_t done) {
      const Locked lock;
      on_batch(done);
    };
  quant::QuantizedNet made;
  {
    const LongCall call;
    const FloatMode mode;
    const Array held = held_out.value_or(Array());
    if (input_shape)
      made =
          quant::quantize_graph(model.trace({{DType::f32, *input_shape}}), config, data, held, quant::marks_of(model));
    else
      made = quant::quantize_net(model, config, data, held);
  }
  return nb::make_tuple(std::move(made.program), ReportOf{config, std::move(made.report)});
}

}  // namespace

void bind_quant(nb::module_& m) {
  bind_config(m);
  bind_report(m);
  m.def("quantize", &quantize, "model"_a, "config"_a, "batches"_a, "held_out"_a = nb::none(),
        "input_shape"_a = nb::none(), "on_batch"_a = nb::none(), "on_tensor"_a = nb::none(), "ranges"_a = nb::none(),
        nb::sig("def quantize(model: Block, config: QuantizationConfig, batches: collections.abc.Sequence[NDArray], "
                "held_out: NDArray | None = None, input_shape: tuple[int, ...] | None = None, on_batch: "
                "collections.abc.Callable[[int], object] | None = None, on_tensor: collections.abc.Callable[[str, str, "
                "NDArray], object] | None = None, ranges: collections.abc.Callable[[], dict[str, tuple[float, float]]] "
                "| None = None) -> tuple[Program, QuantizationReport]"),
        "quant::quantize_net. input_shape: of the model's input, where there are no batches and the model was not "
        "called yet.");
  m.def("batch_axis", &batch_axis, "model"_a, "config"_a, "input_shape"_a, nb::call_guard<Unlocked>());
  bind_members<LayerPlan>(m, "LayerPlan", "What the settings mean for one operation of a network.");
  m.def("plan_layers", &plan, "model"_a, "config"_a, "input_shape"_a, nb::call_guard<Unlocked>());
  m.def("last_input_shapes", &last_input_shapes, "model"_a,
        nb::sig("def last_input_shapes(model: Block) -> list[tuple[int, ...]]"));
  bind_observers(m);
  m.def(
      "sqnr_db",
      [](nb::handle reference, nb::handle got, bool remove_mean) {
        return quant::sqnr_db(array_of(reference), array_of(got), remove_mean);
      },
      "reference"_a, "got"_a, "remove_mean"_a = false,
      "Signal to quantization noise in dB of `got` against `reference`, both float32 and of one shape; infinity where "
      "they are equal.");
  m.def(
      "cosine_similarity",
      [](nb::handle a, nb::handle b) { return quant::cosine_similarity(array_of(a), array_of(b)); }, "a"_a, "b"_a);
}

}  // namespace quantick::python
