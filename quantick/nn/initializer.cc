#include "quantick/nn/initializer.h"

#include <fmt/format.h>

#include <cmath>
#include <functional>
#include <utility>
#include <vector>

#include "quantick/core/error.h"
#include "quantick/core/fields.h"

namespace quantick::nn {
namespace {

/// Writes value(i) to element i of a contiguous float array.
template <class F>
void fill_elements(Array& array, std::string_view who, F&& value) {
  QTK_CHECK(is_float(array.dtype()), TypeError, "[{}] parameter dtype, was {}, expected float32 or float64", who,
            dtype_name(array.dtype()));
  const int64_t size = array.size();
  const auto write = [&](auto* data) {
    using T = std::remove_reference_t<decltype(*data)>;
    for (int64_t i = 0; i < size; ++i) data[i] = static_cast<T>(value(i));
  };
  if (array.dtype() == DType::f32)
    write(array.mutable_data<float>());
  else
    write(array.mutable_data<double>());
}

class Constant final : public Initializer {
 public:
  explicit Constant(double value) : value_(value) {}
  void fill(Array& parameter, const Key&) const override {
    fill_elements(parameter, "constant", [&](int64_t) { return value_; });
  }
  std::string text() const override { return fmt::format("Constant({})", value_); }

 private:
  double value_;
};

class Uniform final : public Initializer {
 public:
  explicit Uniform(double scale) : scale_(scale) {}
  void fill(Array& parameter, const Key& key) const override {
    fill_elements(parameter, "uniform",
                  [&](int64_t i) { return scale_ * (2 * key.uniform(static_cast<uint64_t>(i)) - 1); });
  }
  std::string text() const override { return fmt::format("Uniform({})", scale_); }

 private:
  double scale_;
};

class Normal final : public Initializer {
 public:
  explicit Normal(double sigma) : sigma_(sigma) {}
  void fill(Array& parameter, const Key& key) const override {
    fill_elements(parameter, "normal", [&](int64_t i) { return sigma_ * key.normal(static_cast<uint64_t>(i)); });
  }
  std::string text() const override { return fmt::format("Normal({})", sigma_); }

 private:
  double sigma_;
};

class Xavier final : public Initializer {
 public:
  Xavier(std::string_view rnd_type, std::string_view factor_type, double magnitude)
      : gaussian_(rnd_type == "gaussian"), factor_type_(factor_type), magnitude_(magnitude) {
    QTK_CHECK(gaussian_ || rnd_type == "uniform", ValueError, "[xavier] rnd_type, was {}, expected uniform or gaussian",
              rnd_type);
    QTK_CHECK(factor_type == "avg" || factor_type == "in" || factor_type == "out", ValueError,
              "[xavier] factor_type, was {}, expected avg, in or out", factor_type);
    QTK_CHECK(magnitude > 0, ValueError, "[xavier] magnitude, was {}, expected > 0", magnitude);
  }
  void fill(Array& parameter, const Key& key) const override {
    const Shape& shape = parameter.shape();
    QTK_CHECK(shape.ndim() >= 2, ShapeError, "[xavier] parameter shape, was {}, expected two axes or more",
              shape.text());
    const auto fan_out = static_cast<double>(shape[0]);
    const double fan_in = static_cast<double>(shape.size()) / fan_out;
    const double factor = factor_type_ == "avg" ? (fan_in + fan_out) / 2 : factor_type_ == "in" ? fan_in : fan_out;
    const double scale = std::sqrt(magnitude_ / factor);
    if (gaussian_)
      Normal(scale).fill(parameter, key);
    else
      Uniform(scale).fill(parameter, key);
  }
  std::string text() const override {
    return fmt::format("Xavier({}, {}, {})", gaussian_ ? "gaussian" : "uniform", factor_type_, magnitude_);
  }

 private:
  bool gaussian_;
  std::string factor_type_;
  double magnitude_;
};

class Orthogonal final : public Initializer {
 public:
  explicit Orthogonal(double scale) : scale_(scale) {}
  void fill(Array& parameter, const Key& key) const override {
    const Shape& shape = parameter.shape();
    QTK_CHECK(shape.ndim() >= 2, ShapeError, "[orthogonal] parameter shape, was {}, expected two axes or more",
              shape.text());
    const int64_t rows = shape[0], columns = shape.size() / std::max<int64_t>(rows, 1);
    // Vectors are rows where rows <= columns, columns otherwise: there are never more of them than dimensions.
    const bool by_rows = rows <= columns;
    const int64_t count = by_rows ? rows : columns, length = by_rows ? columns : rows;
    std::vector<double> basis(static_cast<size_t>(count * length));
    for (size_t i = 0; i < basis.size(); ++i) basis[i] = key.normal(i);
    for (int64_t v = 0; v < count; ++v) {
      double* const vector = basis.data() + v * length;
      // Twice is enough (Kahan and Parlett): the second pass removes what rounding left of the first.
      for (int pass = 0; pass < 2; ++pass) {
        for (int64_t u = 0; u < v; ++u) {
          const double* const other = basis.data() + u * length;
          double dot = 0;
          for (int64_t i = 0; i < length; ++i) dot += vector[i] * other[i];
          for (int64_t i = 0; i < length; ++i) vector[i] -= dot * other[i];
        }
      }
      double norm = 0;
      for (int64_t i = 0; i < length; ++i) norm += vector[i] * vector[i];
      norm = std::sqrt(norm);
      for (int64_t i = 0; i < length; ++i) vector[i] /= norm;
    }
    fill_elements(parameter, "orthogonal", [&](int64_t i) {
      const int64_t row = i / columns, column = i % columns;
      return scale_ * basis[static_cast<size_t>(by_rows ? i : column * length + row)];
    });
  }
  std::string text() const override { return fmt::format("Orthogonal({})", scale_); }

 private:
  double scale_;
};

class LstmBias final : public Initializer {
 public:
  explicit LstmBias(double forget_bias) : forget_bias_(forget_bias) {}
  void fill(Array& parameter, const Key&) const override {
    const Shape& shape = parameter.shape();
    QTK_CHECK(shape.ndim() == 1 && shape[0] % 4 == 0, ShapeError,
              "[lstm_bias] parameter shape, was {}, expected (4 * hidden,)", shape.text());
    const int64_t hidden = shape[0] / 4;
    fill_elements(parameter, "lstm_bias", [&](int64_t i) { return i / hidden == 1 ? forget_bias_ : 0.0; });
  }
  std::string text() const override { return fmt::format("LSTMBias({})", forget_bias_); }

 private:
  double forget_bias_;
};

}  // namespace

InitializerPtr zeros() { return constant(0); }
InitializerPtr ones() { return constant(1); }
InitializerPtr constant(double value) { return std::make_shared<Constant>(value); }
InitializerPtr uniform(double scale) { return std::make_shared<Uniform>(scale); }
InitializerPtr normal(double sigma) { return std::make_shared<Normal>(sigma); }
InitializerPtr xavier(std::string_view rnd_type, std::string_view factor_type, double magnitude) {
  return std::make_shared<Xavier>(rnd_type, factor_type, magnitude);
}
InitializerPtr orthogonal(double scale) { return std::make_shared<Orthogonal>(scale); }
InitializerPtr lstm_bias(double forget_bias) { return std::make_shared<LstmBias>(forget_bias); }

InitializerPtr initializer_by_name(std::string_view name) {
  static const std::vector<std::pair<std::string, std::function<InitializerPtr()>>> table = {
      {"zeros", [] { return zeros(); }},         {"ones", [] { return ones(); }},
      {"uniform", [] { return uniform(); }},     {"normal", [] { return normal(); }},
      {"xavier", [] { return xavier(); }},       {"orthogonal", [] { return orthogonal(); }},
      {"lstm_bias", [] { return lstm_bias(); }},
  };
  std::vector<std::string> names;
  for (const auto& [known, make] : table) {
    if (known == name) return make();
    names.push_back(known);
  }
  const std::string near = nearest_name(name, names);
  fail<ValueError>("[nn] initializer, was {}, expected one of {}{}", name, fmt::join(names, ", "),
                   near.empty() ? "" : "; did you mean " + near + "?");
}

}  // namespace quantick::nn
