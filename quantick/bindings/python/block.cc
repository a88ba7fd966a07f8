#include "quantick/bindings/python/block.h"

#include <fmt/format.h>
#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/optional.h>

#include "quantick/bindings/python/casters.h"
#include "quantick/bindings/python/module.h"
#include "quantick/core/error.h"
#include "quantick/nn/safetensors.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace quantick::python {
namespace {

bool has_member(const nn::Block& block, const std::string& name) {
  const auto named = [&](const auto& entry) { return entry.first == name; };
  return std::any_of(block.children().begin(), block.children().end(), named) ||
         std::any_of(block.parameters().begin(), block.parameters().end(), named);
}

/// Layers written in C++ know their own members alone.
void check_open(const nn::Block& block, const std::string& name) {
  QTK_CHECK(
      dynamic_cast<const PythonForward*>(&block) != nullptr || dynamic_cast<const nn::Sequential*>(&block) != nullptr,
      TypeError, "[{}] cannot hold {}: a finished layer; subclass Block, or set_data() of its parameter", block.kind(),
      name);
}

void set_attribute(nb::handle self, nb::handle name, nb::handle value) {
  auto& block = block_of(self);
  const auto text = nb::cast<std::string>(name);
  if (nb::isinstance<nn::Block>(value) || nb::isinstance<nn::Parameter>(value) || has_member(block, text))
    check_open(block, text);
  if (nb::isinstance<nn::Block>(value)) {
    block.add_shared_child(text, nb::cast<std::shared_ptr<nn::Block>>(value));
  } else if (nb::isinstance<nn::Parameter>(value)) {
    const auto& parameter = nb::cast<const nn::Parameter&>(value);
    // params.get() has registered it under its own name; the attribute's name counts.
    for (const auto& [known, own] : block.parameters())
      if (known != text && own.same_as(parameter)) {
        block.remove(std::string(known));
        break;
      }
    block.add_parameter(text, parameter);
  } else if (dynamic_cast<const PythonForward*>(&block) != nullptr) {
    block.remove(text);
  }
  if (PyObject_GenericSetAttr(self.ptr(), name.ptr(), value.ptr()) == 0) return;
  nb::python_error refused;
  block.remove(text);
  throw refused;
}

void delete_attribute(nb::handle self, nb::handle name) {
  auto& block = block_of(self);
  if (dynamic_cast<const PythonForward*>(&block) != nullptr) block.remove(nb::cast<std::string>(name));
  if (PyObject_GenericSetAttr(self.ptr(), name.ptr(), nullptr) != 0) throw nb::python_error();
}

/// Children and parameters that C++ made, by name.
nb::object get_attribute(nb::handle self, const std::string& name) {
  const nn::Block& block = block_of(self);
  for (const auto& [key, child] : block.children())
    if (key == name) return nb::cast(child);
  for (const auto& [key, parameter] : block.parameters())
    if (key == name) return nb::cast(parameter);
  PyErr_Format(PyExc_AttributeError, "'%s' object has no attribute '%s'", class_name(self).c_str(), name.c_str());
  throw nb::python_error();
}

nb::object parameter_dict(nb::handle block, const std::vector<std::pair<std::string, nn::Parameter>>& entries) {
  nb::dict out;
  for (const auto& [name, parameter] : entries) out[name.c_str()] = parameter;
  return nb::module_::import_("quantick.gluon.parameter").attr("ParameterDict")(out, block);
}

/// Those whose names match a regular expression, as Gluon selects.
nb::object collect_params(nb::handle self, const std::optional<std::string>& select) {
  auto entries = block_of(self).collect_params();
  if (select) {
    const nb::object pattern = nb::module_::import_("re").attr("compile")(*select);
    std::erase_if(entries, [&](const auto& entry) { return pattern.attr("match")(entry.first).is_none(); });
  }
  return parameter_dict(nb::none(), entries);
}

nb::typed<nb::dict, nb::str, nn::Block> children_of(const nn::Block& block) {
  nb::typed<nb::dict, nb::str, nn::Block> out;
  for (const auto& [name, child] : block.children()) out[name.c_str()] = child;
  return out;
}

void apply(nb::handle self, nb::handle function) {
  for (auto [name, child] : children_of(block_of(self))) apply(child, function);
  function(self);
}

/// Python code of a class that does not say that it may be traced goes on running at every call.
void hybridize(nb::handle self, bool active, bool, bool) {
  auto& block = block_of(self);
  if (is_hybrid(block)) return block.hybridize(active);
  for (auto [name, child] : children_of(block)) hybridize(child, active, true, true);
}

std::string indented(const std::string& text) {
  std::string out;
  for (char c : text) out += c == '\n' ? std::string("\n  ") : std::string(1, c);
  return out;
}

std::string container_text(nb::handle self) {
  std::string out = class_name(self) + "(\n";
  for (auto [name, child] : children_of(block_of(self)))
    out += fmt::format("  ({}): {}\n", nb::cast<std::string>(name), indented(nb::cast<std::string>(nb::repr(child))));
  return out + ")";
}

/// Of arrays, or of their shapes.
Types types_of_inputs(const nb::args& inputs) {
  Types types;
  for (nb::handle input : inputs) {
    const bool shape =
        nb::isinstance<nb::tuple>(input) && nb::len(input) > 0 && PyLong_Check(nb::object(input[0]).ptr());
    types.push_back(shape ? TensorType{DType::f32, shape_of(input)} : array_of(input).type());
  }
  return types;
}

std::string summary(nn::Block& self, const nb::args& inputs) {
  const Types types = types_of_inputs(inputs);
  const Unlocked released;
  return self.summary(types);
}

/// Arrays live in the memory of the CPU. Throws UnsupportedError for another context.
void check_context(nb::handle context) {
  if (context.is_none()) return;
  const auto text = nb::cast<std::string>(nb::str(context));
  QTK_CHECK(text.find("cpu") != std::string::npos, UnsupportedError, "[context] was {}, expected cpu()", text);
}

void load(nn::Block& self, const std::filesystem::path& file, nb::handle context, bool allow_missing, bool ignore_extra,
          bool cast_dtype, const std::string& dtype_source) {
  check_context(context);
  QTK_CHECK(dtype_source == "current" || dtype_source == "saved", ValueError,
            "[load_parameters] dtype_source, was {}, expected current or saved", dtype_source);
  const std::string path = file.string();
  auto tensors = nn::load_safetensors(path);
  const auto own = self.all_paths();
  if (ignore_extra)
    std::erase_if(tensors, [&](const nn::NamedTensor& tensor) {
      return std::none_of(own.begin(), own.end(), [&](const auto& entry) { return entry.first == tensor.name; });
    });
  if (allow_missing) {
    for (const auto& [name, parameter] : own) {
      const auto same = [&name = name](const nn::NamedTensor& tensor) { return tensor.name == name; };
      if (parameter.initialized() && std::none_of(tensors.begin(), tensors.end(), same))
        tensors.push_back({name, parameter.data().copy()});
    }
  }
  nn::assign_parameters(self, tensors, path);
  if (!cast_dtype || dtype_source != "saved") return;
  for (auto [name, parameter] : own)
    for (const nn::NamedTensor& tensor : tensors)
      if (tensor.name == name && tensor.value.dtype() != parameter.dtype()) {
        parameter.cast(tensor.value.dtype());
        parameter.set_data(tensor.value);
      }
}

/// Those of a class with nothing but a dict: they visit the dict and the class.
traverseproc plain_traverse = nullptr;
inquiry plain_clear = nullptr;

/// A child that Python made holds a Python reference, which the collector must see; one that C++ made holds none.
int traverse(PyObject* self, visitproc visit, void* argument) {
  const int stopped = plain_traverse(self, visit, argument);
  if (stopped != 0 || !nb::inst_ready(self)) return stopped;
  const nn::Block& block = *nb::inst_ptr<nn::Block>(self);
  if (nb::inst_state(self).second)  // else C++ may hold the block, and with it the hooks, beyond this object
    if (const int result = visit_hooks(block, visit, argument); result != 0) return result;
  for (const auto& [name, child] : block.children()) {
    const auto* const owner = std::get_deleter<nb::detail::py_deleter>(child);
    // Shared pointers count as one reference: those with further holders are left alone.
    if (owner == nullptr || child.use_count() != 1) continue;
    if (const int result = visit(owner->o, argument); result != 0) return result;
  }
  return 0;
}

/// Blocks do not hold themselves, so that every cycle passes through a hook or the dict of one of its objects.
int clear(PyObject* self) {
  if (nb::inst_ready(self) && nb::inst_state(self).second) detach_hooks(*nb::inst_ptr<nn::Block>(self));
  return plain_clear(self);
}

std::string parameter_text(const nn::Parameter& p) {
  return fmt::format("Parameter {} (shape={}, dtype={})", p.name(), p.shape().text(), dtype_name(p.dtype()));
}

void bind_parameter(nb::module_& m) {
  nb::class_<nn::Parameter> parameter(m, "Parameter",
                                      "A trainable array with a name. Extents of 0 wait for the first call.");
  parameter
      .def(
          "__init__",
          [](nn::Parameter* self, const std::string& name, const std::string& grad_req, const Shape& shape, DType dtype,
             nb::handle init, bool differentiable, double lr_mult, double wd_mult) {
            new (self) nn::Parameter(name, shape, initializer_of(init, "parameter"), dtype);
            self->set_grad_req(differentiable ? grad_req : "null");
            self->set_lr_mult(lr_mult);
            self->set_wd_mult(wd_mult);
          },
          "name"_a, "grad_req"_a = "write", "shape"_a = nb::tuple(), "dtype"_a = "float32", "init"_a = nb::none(),
          "differentiable"_a = true, "lr_mult"_a = 1.0, "wd_mult"_a = 1.0,
          "init: Initializer or its name; None: the one of initialize(). Only differentiable parameters are trained.")
      .def_prop_ro("name", &nn::Parameter::name)
      .def_prop_rw(
          "shape", [](const nn::Parameter& p) { return p.shape(); },
          [](nn::Parameter& p, const Shape& shape) { p.infer_shape(shape); },
          "Extents, 0 where not known. Setting it completes open ones; throws ShapeError where a known one differs.")
      .def_prop_ro("dtype", &nn::Parameter::dtype)
      .def_prop_rw(
          "grad_req", [](const nn::Parameter& p) { return std::string(p.grad_req()); },
          [](nn::Parameter& p, const std::string& value) { p.set_grad_req(value); },
          "\"write\"; \"add\": backward() adds to the gradient until zero_grad(); or \"null\": no gradient is kept.")
      .def_prop_rw("lr_mult", &nn::Parameter::lr_mult, &nn::Parameter::set_lr_mult,
                   "Factor on the learning rate of gluon.Trainer, 1 unless set.")
      .def_prop_rw("wd_mult", &nn::Parameter::wd_mult, &nn::Parameter::set_wd_mult,
                   "Factor on the penalty `wd` of gluon.Trainer, 1 unless set.")
      .def_prop_ro("is_initialized", &nn::Parameter::initialized)
      .def(
          "data",
          [](const nn::Parameter& p, nb::handle context) {
            check_context(context);
            return p.data();
          },
          "ctx"_a = nb::none(),
          "The array. Throws ValueError before initialize(), or the first call where extents are open.")
      .def(
          "grad",
          [](const nn::Parameter& p, nb::handle context) {
            check_context(context);
            return p.grad();
          },
          "ctx"_a = nb::none(), "The gradient that the last backward() left. Throws ValueError with grad_req \"null\".")
      .def(
          "list_data", [](const nn::Parameter& p) { return std::vector<Array>{p.data()}; },
          "data() of each context: of the CPU.")
      .def(
          "list_grad", [](const nn::Parameter& p) { return std::vector<Array>{p.grad()}; },
          "grad() of each context: of the CPU.")
      .def(
          "list_ctx",
          [](const nn::Parameter&) {
            nb::list contexts;
            contexts.append(nb::module_::import_("quantick.context").attr("cpu")());
            return contexts;
          },
          nb::sig("def list_ctx(self) -> list[typing.Any]"), "Where the array lives: [cpu()].")
      .def(
          "reset_ctx", [](const nn::Parameter&, nb::handle context) { check_context(context); }, "ctx"_a,
          "Does nothing for the CPU. Throws UnsupportedError for another context.")
      .def_prop_ro("grad_is_set", &nn::Parameter::grad_is_set,
                   "Whether backward() has set the gradient since it was attached.")
      .def("zero_grad", &nn::Parameter::zero_grad)
      .def(
          "initialize",
          [](nn::Parameter& self, nb::handle init, nb::handle context, nb::handle default_init, bool force_reinit,
             uint64_t seed) {
            check_context(context);
            nn::InitializerPtr chosen = initializer_of(init, "parameter");
            if (chosen == nullptr) chosen = initializer_of(default_init, "parameter");
            self.initialize(chosen != nullptr ? chosen : nn::uniform(), Key(seed).fold(self.name()), force_reinit);
          },
          "init"_a = nb::none(), "ctx"_a = nb::none(), "default_init"_a = nb::none(), "force_reinit"_a = false,
          "seed"_a = 0,
          "Fills it, or at the first call of its block where extents are open; where it has values already, with "
          "force_reinit alone. init, then default_init: as in Block.initialize().")
      .def("cast", &nn::Parameter::cast, "dtype"_a)
      .def(
          "set_data", [](nn::Parameter& self, nb::handle data) { self.set_data(array_of(data)); }, "data"_a,
          "Copies the values; the shape must fit. Throws ShapeError.")
      .def("same_as", &nn::Parameter::same_as, "other"_a, "Whether both names stand for one parameter.")
      .def(
          "__eq__",
          [](const nn::Parameter& self, nb::handle other) {
            return nb::isinstance<nn::Parameter>(other) && self.same_as(nb::cast<const nn::Parameter&>(other));
          },
          "other"_a.none(), nb::sig("def __eq__(self, other: object, /) -> bool"))
      .def("__hash__", [](const nn::Parameter& self) { return std::hash<std::string>()(self.name()); })
      .def("__repr__", &parameter_text);
}

}  // namespace

nn::Block& block_of(nb::handle self) {
  QTK_CHECK(nb::inst_ready(self), TypeError, "[{}] is not made yet: call super().__init__() first", class_name(self));
  return *nb::inst_ptr<nn::Block>(self);
}

std::string class_name(nb::handle self) { return nb::cast<std::string>(self.type().attr("__name__")); }

void set_prefix(nb::handle self, nb::handle prefix) {
  if (prefix.is_none()) return;
  if (PyObject_GenericSetAttr(self.ptr(), nb::str("prefix").ptr(), prefix.ptr()) != 0) throw nb::python_error();
}

void share_params(nb::handle self, nb::handle params) {
  if (params.is_none()) return;
  auto& block = block_of(self);
  QTK_CHECK(nb::hasattr(params, "items"), TypeError, "[{}] params, was a {}, expected the params of a block",
            block.kind(), nb::cast<std::string>(nb::inst_name(params)));
  // A class of Python makes its parameters later, by params.get().
  if (PyObject_GenericSetAttr(self.ptr(), nb::str("_shared_params").ptr(), params.ptr()) != 0) throw nb::python_error();
  for (auto [name, own] : block.parameters())
    if (nb::cast<bool>(params.attr("__contains__")(name)))
      own.tie(nb::cast<const nn::Parameter&>(params[name.c_str()]));
}

bool is_hybrid(const nn::Block& block) {
  return dynamic_cast<const PythonForward*>(&block) == nullptr || nb::hasattr(nb::find(block), "_hybrid");
}

PyType_Slot* block_slots() {
  static PyType_Slot slots[] = {
      {Py_tp_traverse, reinterpret_cast<void*>(traverse)}, {Py_tp_clear, reinterpret_cast<void*>(clear)}, {0, nullptr}};
  return slots;
}

void bind_nn(nb::module_& m) {
  auto* const plain = reinterpret_cast<PyTypeObject*>(bind_initializers(m).ptr());
  bind_parameter(m);
  plain_traverse = reinterpret_cast<traverseproc>(PyType_GetSlot(plain, Py_tp_traverse));
  plain_clear = reinterpret_cast<inquiry>(PyType_GetSlot(plain, Py_tp_clear));
  nb::class_<nn::Block, PythonBlock<nn::Block>> block(
      m, "Block", nb::dynamic_attr(), nb::is_weak_referenceable(), nb::type_slots(block_slots()),
      "A layer or a network; subclasses write forward(self, x, ...). Blocks and parameters that are set as attributes "
      "are its own.");
  block
      .def(
          "__init__",
          [](nb::pointer_and_handle<nn::Block> self, nb::handle prefix, nb::handle params) {
            new (static_cast<void*>(self.p)) PythonBlock<nn::Block>();
            nb::inst_set_state(self.h, true, true);
            set_prefix(self.h, prefix);
            share_params(self.h, params);
          },
          "prefix"_a = nb::none(), "params"_a = nb::none(),
          nb::sig("def __init__(self, prefix: str | None = None, params: typing.Any = None) -> None"),
          "prefix: kept as an attribute; names of parameters are paths of attributes. params: of another block, in "
          "which "
          "params.get() looks first.")
      .def(
          "name_scope", [](nn::Block&) { return nb::module_::import_("contextlib").attr("nullcontext")(); },
          nb::sig("def name_scope(self) -> contextlib.AbstractContextManager[None]"),
          "For networks written for MXNet 1.x: names here come from attributes, within the scope and without it.")
      .def(
          "__call__",
          [](nb::handle self, const nb::args& arguments, const nb::kwargs& keywords) {
            return call_block(block_of(self), arguments, keywords);
          },
          nb::sig("def __call__(self, *args: typing.Any, **kwargs: typing.Any) -> NDArray | typing.Any"),
          "Runs forward(); arrays may stand in lists, tuples and dicts.")
      .def("forward", &call_forward,
           nb::sig("def forward(self, *args: typing.Any, **kwargs: typing.Any) -> typing.Any"),
           "What a subclass writes: outputs from inputs, by operators and children.")
      .def("__setattr__", &set_attribute, "name"_a, "value"_a.none())
      .def("__delattr__", &delete_attribute, "name"_a)
      .def("__getattr__", &get_attribute, "name"_a, nb::sig("def __getattr__(self, name: str) -> typing.Any"))
      .def("__repr__", &container_text)
      .def_prop_ro("name", &nn::Block::name, "Under which the parent knows it; \"\" for a root.")
      .def_prop_ro("children", &children_of, "Blocks of this block, by name.")
      .def_prop_ro("_children", &children_of)
      .def_prop_ro(
          "params", [](nb::handle self) { return parameter_dict(self, block_of(self).parameters()); },
          nb::sig("def params(self) -> typing.Any"), "Parameters of this block alone, without its children's.")
      .def("collect_params", &collect_params, "select"_a = nb::none(),
           nb::sig("def collect_params(self, select: str | None = None) -> typing.Any"),
           "Parameters of this block and of all in it, by path; `select` is a regular expression.")
      .def(
          "register_parameter",
          [](nb::handle self, const std::string& name, const Shape& shape, nb::handle init, DType dtype) {
            const nn::Parameter made(name, shape, initializer_of(init, "register_parameter"), dtype);
            self.attr(name.c_str()) = made;
            return made;
          },
          "name"_a, "shape"_a, "init"_a = nb::none(), "dtype"_a = "float32",
          "A new Parameter, which becomes the attribute of this name. Extents of 0 are completed by infer_shape().")
      .def(
          "register_child",
          [](nn::Block& self, std::shared_ptr<nn::Block> block, const std::optional<std::string>& name) {
            const std::string key = name.value_or(self.next_name());
            check_open(self, key);
            self.add_shared_child(key, std::move(block));
          },
          "block"_a, "name"_a = nb::none())
      .def(
          "initialize",
          [](nn::Block& self, nb::handle init, nb::handle context, bool, bool force_reinit, uint64_t seed) {
            check_context(context);
            const nn::InitializerPtr chosen = initializer_of(init, "initialize");
            self.initialize(chosen != nullptr ? chosen : nn::uniform(), seed, force_reinit);
          },
          "init"_a = nb::none(), "ctx"_a = nb::none(), "verbose"_a = false, "force_reinit"_a = false, "seed"_a = 0,
          "Fills all parameters; those whose extents are open at the first call. init: an Initializer or its name, for "
          "parameters without one of their own; None: Uniform(0.07). The same seed gives the same bits. verbose: "
          "nothing is printed.")
      .def("hybridize", &hybridize, "active"_a = true, "static_alloc"_a = true, "static_shape"_a = true,
           "From the next call on, traces once per input signature and runs the static graph: same bits. A Block whose "
           "class is no HybridBlock hands this on to its children. Graphs are always static, so that the last two "
           "arguments change nothing.")
      .def_prop_ro("hybridized", &nn::Block::hybridized)
      .def("zero_grad", &nn::Block::zero_grad)
      .def("cast", &nn::Block::cast, "dtype"_a, "float32 or float64 for all parameters.")
      .def(
          "apply",
          [](nb::object self, nb::handle fn) {
            apply(self, fn);
            return self;
          },
          "fn"_a, nb::sig("def apply(self, fn: collections.abc.Callable[[Block], typing.Any]) -> Block"),
          "fn(block) for all children, then for this block.")
      .def("summary", &summary, nb::sig("def summary(self, *inputs: typing.Any) -> str"),
           "Table of layers with output shapes and parameter counts, for inputs (arrays, or their shapes).")
      .def_prop_ro("parameter_count", &nn::Block::parameter_count, "Elements of all parameters with known shapes.")
      .def(
          "save_parameters",
          [](const nn::Block& self, const std::filesystem::path& filename, bool deduplicate) {
            self.save_parameters(filename.string(), deduplicate);
          },
          "filename"_a, "deduplicate"_a = false,
          nb::sig("def save_parameters(self, filename: str | os.PathLike[str], deduplicate: bool = False) -> None"),
          "Writes a safetensors file, shared parameters under each of their paths unless `deduplicate`. Throws "
          "ValueError for parameters without values.")
      .def(
          "load_parameters", &load, "filename"_a, "ctx"_a = nb::none(), "allow_missing"_a = false,
          "ignore_extra"_a = false, "cast_dtype"_a = false, "dtype_source"_a = "current",
          nb::sig(
              "def load_parameters(self, filename: str | os.PathLike[str], ctx: object | None = None, "
              "allow_missing: bool = False, ignore_extra: bool = False, cast_dtype: bool = False, dtype_source: str "
              "= 'current') -> None"),
          "Reads a safetensors file. Throws ValueError that names all missing, surplus and mis-shaped parameters; then "
          "nothing has changed. Values become the parameters' dtype; with cast_dtype and dtype_source \"saved\" the "
          "parameters become that of the file.")
      .def_prop_rw(
          "quantization", [](const nn::Block& self) { return self.quantization().enabled; },
          [](nn::Block& self, bool enabled) { self.quantization().enabled = enabled; },
          "Whether the layer is marked for quantization.")
      .def_prop_rw(
          "quantization_excluded", [](const nn::Block& self) { return self.quantization().excluded; },
          [](nn::Block& self, bool excluded) { self.quantization().excluded = excluded; },
          "Whether the layer is marked to stay float where the network is quantized.")
      .def(
          "trace",
          [](nn::Block& self, const nb::args& inputs) {
            const Types types = types_of_inputs(inputs);
            const Unlocked released;
            return self.trace(types);
          },
          nb::sig("def trace(self, *inputs: typing.Any) -> Graph"),
          "forward() at inference as a static graph, for inputs (arrays, or their shapes).");
  nb::class_<HybridBlock, nn::Block, PythonBlock<HybridBlock>> hybrid(
      m, "HybridBlock", nb::type_slots(block_slots()),
      "A block whose forward() calls nothing but operators and blocks, so that hybridize() may trace it once and run "
      "the "
      "graph from then on: same bits. What forward() decides by values of arrays is frozen at the trace. "
      "hybrid_forward(self, F, x, ..., **parameters), as MXNet 1.x has it, may stand in place of forward(): F is "
      "quantick.nd.");
  hybrid.attr("_hybrid") = true;
  hybrid.def(
      "__init__",
      [](nb::pointer_and_handle<HybridBlock> self, nb::handle prefix, nb::handle params) {
        new (static_cast<void*>(self.p)) PythonBlock<HybridBlock>();
        nb::inst_set_state(self.h, true, true);
        set_prefix(self.h, prefix);
        share_params(self.h, params);
      },
      "prefix"_a = nb::none(), "params"_a = nb::none(),
      nb::sig("def __init__(self, prefix: str | None = None, params: typing.Any = None) -> None"));
  bind_hooks(m);
  bind_sequential(m);
  bind_layers(m);
}

}  // namespace quantick::python
