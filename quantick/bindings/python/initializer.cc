#include "quantick/nn/initializer.h"

#include <nanobind/trampoline.h>

#include "quantick/bindings/python/block.h"
#include "quantick/bindings/python/casters.h"
#include "quantick/bindings/python/unlocked.h"
#include "quantick/core/error.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace quantick::python {
namespace {

/// An initializer written in Python: _init_weight(self, name, array) fills the array in place, as MXNet has it.
class PythonInitializer final : public nn::Initializer {
 public:
  NB_TRAMPOLINE(nn::Initializer);

  void fill(Array& parameter, const Key&) const override {
    const Locked lock;
    nb_trampoline.base().attr("_init_weight")("", parameter);
  }
  std::string text() const override {
    const Locked lock;
    return class_name(nb_trampoline.base()) + "()";
  }
};

/// The C++ initializers are made by functions; each Python class holds what one made.
template <int>
class Made final : public nn::Initializer {
 public:
  explicit Made(nn::InitializerPtr made) : made_(std::move(made)) {}
  void fill(Array& parameter, const Key& key) const override { made_->fill(parameter, key); }
  std::string text() const override { return made_->text(); }

 private:
  nn::InitializerPtr made_;
};

template <int id, class... Arguments, class... Extra>
void bind_made(nb::module_& m, const char* name, nn::InitializerPtr (*make)(Arguments...), const Extra&... extra) {
  nb::class_<Made<id>, nn::Initializer>(m, name).def(
      "__init__", [make](Made<id>* self, Arguments... a) { new (self) Made<id>(make(a...)); }, extra...);
}

/// He et al. 2015 for a PReLU of this slope.
nn::InitializerPtr msra_prelu(const std::string& factor_type, double slope) {
  return nn::xavier("gaussian", factor_type, 2 / (1 + slope * slope));
}

}  // namespace

nn::InitializerPtr initializer_of(nb::handle value, std::string_view who) {
  if (value.is_none()) return nullptr;
  if (nb::isinstance<nn::Initializer>(value)) return nb::cast<nn::InitializerPtr>(value);
  QTK_CHECK(nb::isinstance<nb::str>(value), TypeError,
            "[{}] initializer, was a {}, expected an Initializer or a name such as \"xavier\"", who,
            nb::cast<std::string>(nb::inst_name(value)));
  const auto name = nb::cast<std::string>(nb::str(value.attr("lower")()));
  // MXNet registers its classes under their names in lower case, and two of them in the plural.
  if (name == "zero") return nn::zeros();
  if (name == "one") return nn::ones();
  if (name == "gaussian") return nn::normal();
  if (name == "lstmbias") return nn::lstm_bias();
  if (name == "msraprelu") return msra_prelu("avg", 0.25);
  const nb::object registered = nb::module_::import_("quantick.init").attr("_registered");
  if (nb::cast<bool>(registered.attr("__contains__")(name)))
    return nb::cast<nn::InitializerPtr>(registered[name.c_str()]());
  return nn::initializer_by_name(name);
}

nb::object bind_initializers(nb::module_& m) {
  nb::class_<nn::Initializer, PythonInitializer> base(
      m, "Initializer", nb::dynamic_attr(),
      "Fills parameters; subclasses write _init_weight(self, name, array), which fills in place.");
  base.def(
          "__init__",
          [](nb::pointer_and_handle<nn::Initializer> self, const nb::kwargs&) {
            new (static_cast<void*>(self.p)) PythonInitializer();
          },
          nb::sig("def __init__(self, **kwargs: typing.Any) -> None"),
          "kwargs: of subclasses written for MXNet; not read.")
      .def(
          "__call__", [](const nn::Initializer& self, nb::handle, Array array) { self.fill(array, Key(0)); }, "desc"_a,
          "arr"_a, "Fills an array as a parameter of seed 0.")
      .def("__repr__", &nn::Initializer::text);
  bind_made<0>(m, "Zero", &nn::zeros, "Zeros.");
  bind_made<1>(m, "One", &nn::ones, "Ones.");
  bind_made<2>(m, "Constant", &nn::constant, "value"_a = 0.0, "One value.");
  bind_made<3>(m, "Uniform", &nn::uniform, "scale"_a = 0.07, "Uniform in [-scale, scale).");
  bind_made<4>(m, "Normal", &nn::normal, "sigma"_a = 0.01, "Normal with this standard deviation.");
  bind_made<5>(
      m, "Xavier",
      +[](const std::string& rnd_type, const std::string& factor_type, double magnitude) {
        return nn::xavier(rnd_type, factor_type, magnitude);
      },
      "rnd_type"_a = "uniform", "factor_type"_a = "avg", "magnitude"_a = 3.0,
      "Glorot & Bengio 2010: variance magnitude / factor, factor the mean of fan-in and fan-out (avg), or in, or out.");
  bind_made<6>(
      m, "MSRAPrelu", +[](const std::string& factor_type, double slope) { return msra_prelu(factor_type, slope); },
      "factor_type"_a = "avg", "slope"_a = 0.25, "He et al. 2015: Xavier for a PReLU of this slope.");
  bind_made<7>(m, "Orthogonal", &nn::orthogonal, "scale"_a = 1.0,
               "Rows (or columns, where there are fewer) orthonormal times scale (Saxe et al. 2013).");
  bind_made<8>(m, "LSTMBias", &nn::lstm_bias, "forget_bias"_a = 1.0,
               "Zeros, with forget_bias for the forget gate (order i, f, g, o).");
  return base;
}

}  // namespace quantick::python
