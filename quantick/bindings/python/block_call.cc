// Calls of blocks: what crosses between the nested arguments and results of Python and the rows of arrays of C++.
#include <fmt/format.h>

#include "quantick/bindings/python/block.h"
#include "quantick/bindings/python/casters.h"
#include "quantick/core/error.h"

namespace nb = nanobind;

namespace quantick::python {
namespace {

/// A call from Python: those of other threads wait until it is over.
class CallerScope {
 public:
  CallerScope(PythonForward& own, std::string_view who, const nb::args& arguments, const nb::kwargs& keywords,
              Arrays& flat)
      : own_(own), calls_(own.calls, std::defer_lock) {
    Nest form{Nest::Kind::tuple, {}, {}, {}};
    form.items = {flatten(arguments, who, flat), flatten(keywords, who, flat)};
    if (!calls_.try_lock()) {
      const Unlocked released;
      calls_.lock();
    }
    outer_ = std::exchange(own.caller, PythonForward::Caller{std::this_thread::get_id(), std::move(form), {}});
  }
  ~CallerScope() { own_.caller = std::move(outer_); }
  CallerScope(const CallerScope&) = delete;
  CallerScope& operator=(const CallerScope&) = delete;

 private:
  PythonForward& own_;
  std::unique_lock<std::recursive_mutex> calls_;
  std::optional<PythonForward::Caller> outer_;
};

Types types_of(const Arrays& arrays) {
  Types types;
  for (const Array& array : arrays) types.push_back(array.type());
  return types;
}

/// Keywords of blocks written in C++: the optional last input.
std::string_view last_input_of(std::string_view kind) {
  if (kind == "lstm" || kind == "gru") return "states";
  if (kind == "multi_head_attention" || kind == "transformer_encoder_cell" || kind == "cross_transformer")
    return "mask";
  return "";
}

/// Arguments of a block written in C++ in a row; None is left out at the end alone.
Arrays arguments_in_a_row(const nn::Block& block, const nb::args& arguments, const nb::kwargs& keywords) {
  nb::list row;
  for (nb::handle value : arguments) row.append(value);
  const std::string kind = block.kind();
  for (auto [key, value] : keywords) {
    const auto name = nb::cast<std::string>(key);
    QTK_CHECK(!name.empty() && (name == last_input_of(kind) || (name == "x" && row.size() == 0)), TypeError,
              "[{}] unknown argument {}{}", kind, name,
              last_input_of(kind).empty() ? "" : fmt::format(", expected {}", last_input_of(kind)));
    row.append(value);
  }
  Arrays flat;
  for (size_t i = 0; i < row.size(); ++i) {
    if (i > 0 && i + 1 == row.size() && nb::handle(row[i]).is_none()) break;
    const Nest form = flatten(row[i], kind, flat);
    QTK_CHECK(form.kind != Nest::Kind::value, TypeError, "[{}] argument {}, was a {}, expected an array", kind, i,
              nb::cast<std::string>(nb::inst_name(row[i])));
  }
  return flat;
}

}  // namespace

bool PythonForward::overridden(nb::handle self) {
  return nb::hasattr(self.type(), "hybrid_forward") ||
         !nb::object(self.type().attr("forward")).is(nb::type<nn::Block>().attr("forward"));
}

Arrays PythonForward::call(nb::handle self, const Arrays& flat, bool hybridized) {
  nb::object result;
  const nb::object forward = self.attr("forward");
  const bool from_python = caller && caller->thread == std::this_thread::get_id();
  if (from_python) {
    size_t next = 0;
    const nb::object values = unflatten(caller->arguments.items.at(0), flat, next);
    const nb::object keywords = unflatten(caller->arguments.items.at(1), flat, next);
    result = forward(*values, **nb::borrow<nb::kwargs>(keywords));
  } else {
    nb::list values;
    for (const Array& array : flat) values.append(array);
    result = forward(*values);
  }
  Arrays out;
  Nest form = flatten(result, class_name(self) + ".forward", out);
  if (from_python) caller->result = form;
  const Types types = types_of(flat);
  const bool training = autograd::is_training();
  if (!hybridized) results_.clear();
  for (Result& known : results_)
    if (known.inputs == types && known.training == training) {
      known.form = std::move(form);
      return out;
    }
  results_.push_back({types, training, std::move(form)});
  return out;
}

const Nest& PythonForward::result(const Types& inputs) const {
  const Nest* same_types = nullptr;
  for (const Result& known : results_) {
    if (known.inputs != inputs) continue;
    if (known.training == autograd::is_training()) return known.form;
    same_types = &known.form;
  }
  QTK_ASSERT(same_types != nullptr);
  return *same_types;
}

void call_infer_shape(nb::handle self, const nn::Block& block, const Types& inputs) {
  if (!nb::hasattr(self, "infer_shape")) return;
  const auto& own = block.parameters();
  if (std::all_of(own.begin(), own.end(), [](const auto& entry) { return entry.second.initialized(); })) return;
  nb::list values;
  for (const TensorType& type : inputs) values.append(Array::zeros({}, type.dtype).broadcast_to(type.shape));
  self.attr("infer_shape")(*values);
}

namespace {

/// Gluon's form of recurrent layers: the sequence and a list of states.
Nest recurrent_form(size_t arrays) {
  const Nest states{Nest::Kind::list, std::vector<Nest>(arrays - 1), {}, {}};
  return {Nest::Kind::tuple, {{}, states}, {}, {}};
}

/// Of a block written in C++.
nb::object result_of(const Arrays& out) {
  if (out.size() == 1) return nb::cast(out[0]);
  if (out.empty()) return nb::tuple();
  size_t next = 0;
  return unflatten(recurrent_form(out.size()), out, next);
}

}  // namespace

nb::object call_forward(nb::handle self, const nb::args& arguments, const nb::kwargs& keywords) {
  auto& block = block_of(self);
  if (dynamic_cast<PythonForward*>(&block) == nullptr) return call_block(block, arguments, keywords);
  if (auto* const sequential = dynamic_cast<nn::Sequential*>(&block); sequential != nullptr) {
    const Arrays flat = arguments_in_a_row(block, arguments, keywords);
    const Unlocked released;
    const Arrays out = sequential->nn::Sequential::forward(flat);
    const Locked lock;
    return result_of(out);
  }
  QTK_CHECK(nb::hasattr(self, "hybrid_forward"), UnsupportedError, "[{}] has no forward(): write forward(self, x, ...)",
            block.kind());
  nb::dict named;
  for (const auto& [name, parameter] : block.parameters()) named[name.c_str()] = parameter.data();
  for (auto [key, value] : keywords) named[key] = value;
  return self.attr("hybrid_forward")(nb::module_::import_("quantick.nd"), *arguments, **nb::borrow<nb::kwargs>(named));
}

nb::object inputs_of(const nn::Block& block, const Arrays& flat) {
  const auto* const own = dynamic_cast<const PythonForward*>(&block);
  size_t next = 0;
  if (own != nullptr && own->caller && own->caller->thread == std::this_thread::get_id())
    return unflatten(own->caller->arguments.items.at(0), flat, next);
  if (own == nullptr && last_input_of(block.kind()) == "states" && flat.size() > 1)
    return unflatten(recurrent_form(flat.size()), flat, next);
  return unflatten({Nest::Kind::tuple, std::vector<Nest>(flat.size()), {}, {}}, flat, next);
}

nb::object outputs_of(const nn::Block& block, const Arrays& inputs, const Arrays& outputs) {
  const auto* const own = dynamic_cast<const PythonForward*>(&block);
  if (own == nullptr || !PythonForward::overridden(nb::find(block))) return result_of(outputs);
  const bool from_python = own->caller && own->caller->thread == std::this_thread::get_id() && own->caller->result;
  size_t next = 0;
  return unflatten(from_python ? *own->caller->result : own->result(types_of(inputs)), outputs, next);
}

namespace {

/// NumPy's numbers are float64 unless one asks otherwise, parameters float32.
void explain_width(const nn::Block& block, const Arrays& inputs, const TypeError& error) {
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].dtype() != DType::f64) continue;
    for (const auto& [name, parameter] : block.collect_params())
      if (parameter.dtype() == DType::f32)
        fail<TypeError>(
            "{}; input {} is float64 and {} float32: astype(\"float32\"), or cast(\"float64\") of the block",
            error.what(), i, name);
  }
}

Arrays run_block(nn::Block& block, const Arrays& inputs) {
  const Unlocked released;
  try {
    return block(inputs);
  } catch (const TypeError& error) {
    explain_width(block, inputs, error);
    throw;
  }
}

}  // namespace

nb::object call_block(nn::Block& block, const nb::args& arguments, const nb::kwargs& keywords) {
  auto* const own = dynamic_cast<PythonForward*>(&block);
  Arrays flat, out;
  if (own == nullptr) {
    flat = arguments_in_a_row(block, arguments, keywords);
    out = run_block(block, flat);
    return result_of(out);
  }
  const CallerScope scope(*own, block.kind(), arguments, keywords, flat);
  // Graphs are kept by the types of the arrays: what else was handed over stands in them as it was.
  const Nest& form = own->caller->arguments;
  if (block.hybridized() && own->last_arguments && *own->last_arguments != form) block.hybridize();
  own->last_arguments = form;
  out = run_block(block, flat);
  return outputs_of(block, flat, out);
}

}  // namespace quantick::python
