// Every operator, tested from its row alone.
#include <gtest/gtest.h>

#include <cmath>

#include "quantick/core/error.h"
#include "quantick/core/rng.h"
#include "quantick/core/thread_pool.h"
#include "quantick/ops/operator.h"

namespace quantick {
namespace {

/// Of float64 results; sums of up to some thousand terms.
constexpr double kTolerance64 = 1e-11;
/// Of analytic gradients against central differences with this step.
constexpr double kStep = 1e-5, kGradientTolerance = 1e-6;
/// Of float32 gradients against float64 ones, relative to the largest.
constexpr double kGradientTolerance32 = 2e-4;
/// Elements of one input whose derivative is checked.
constexpr int64_t kMostElements = 24;

/// Values that float32 holds, from a key.
Array random_array(const TensorType& type, double low, double high, Key key) {
  std::vector<double> values(static_cast<size_t>(type.shape.size()));
  for (size_t i = 0; i < values.size(); ++i) {
    const double v = low + (high - low) * key.uniform(i);
    values[i] = is_float(type.dtype) ? static_cast<double>(static_cast<float>(v)) : std::floor(v);
  }
  return Array::from(values, type.shape).astype(type.dtype);
}

Arrays inputs_of(const OperatorSample& sample, uint64_t seed) {
  Arrays out;
  for (const TensorType& type : sample.inputs)
    out.push_back(random_array(type, sample.low, sample.high, Key(seed).fold(out.size())));
  return out;
}

Arrays to_float64(const Arrays& xs) {
  Arrays out;
  for (const Array& x : xs) out.push_back(is_float(x.dtype()) ? x.astype(DType::f64) : x);
  return out;
}

/// All outputs of a call, the hidden ones included.
struct Recorder : CallObserver {
  Arrays outputs;
  void on_call(const Operator&, const Attributes&, std::span<const Array>, std::span<const Array> outs) override {
    outputs.assign(outs.begin(), outs.end());
  }
};

Arrays recorded(const Operator& op, const Attributes& attributes, const Arrays& inputs) {
  Recorder recorder;
  const ObserverScope scope(recorder);
  invoke(op, attributes, inputs);
  return recorder.outputs;
}

Arrays gradients(const Operator& op, const Attributes& attributes, const Arrays& inputs, const Arrays& weights) {
  const Arrays outputs = recorded(op, attributes, inputs);
  Arrays by_output;
  for (size_t i = 0; i < weights.size(); ++i) by_output.push_back(weights[i].astype(outputs[i].dtype()));
  return op.gradient(attributes, {inputs, outputs, by_output});
}

/// Random weights of the outputs: the loss is the weighted sum.
Arrays output_weights(const Operator& op, const OperatorSample& sample) {
  Arrays out;
  for (const TensorType& type : op.infer(sample.attributes, sample.inputs))
    out.push_back(random_array({DType::f64, type.shape}, -1, 1, Key(77).fold(out.size())));
  return out;
}

double loss(const Operator& op, const Attributes& attributes, const Arrays& inputs, const Arrays& weights) {
  const Arrays outputs = invoke(op, attributes, inputs);
  double total = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    const auto y = outputs[i].to_vector<double>(), w = weights[i].to_vector<double>();
    for (size_t j = 0; j < y.size(); ++j) total += y[j] * w[j];
  }
  return total;
}

void expect_near(const Array& got, const Array& want, double tolerance, const std::string& what) {
  ASSERT_EQ(got.shape(), want.shape()) << what;
  const auto a = got.to_vector<double>(), b = want.to_vector<double>();
  for (size_t i = 0; i < a.size(); ++i)
    ASSERT_LE(std::abs(a[i] - b[i]), tolerance * std::max(1.0, std::abs(b[i])))
        << what << ", element " << i << ": " << a[i] << " against " << b[i];
}

bool same_outputs(const Arrays& a, const Arrays& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i)
    if (a[i].defined() != b[i].defined() || (a[i].defined() && !same_bits(a[i], b[i]))) return false;
  return true;
}

/// The same values in memory that is neither contiguous nor in the order of the axes.
Array strided(const Array& x) {
  if (x.ndim() == 0) return x;
  std::vector<int> back;
  for (int i = x.ndim() - 1; i >= 0; --i) back.push_back(i);
  Shape wide = x.transpose(back).shape();
  wide[-1] = wide[-1] * 2 + 1;
  Array memory = Array::full(wide, 3, x.dtype());
  Array view = memory.slice(-1, 1, wide[-1], 2).transpose(back);
  view.assign(x);
  return view;
}

struct Threads {
  explicit Threads(int count) : before(thread_count()) { set_thread_count(count); }
  ~Threads() { set_thread_count(before); }
  int before;
};

class Universal : public testing::TestWithParam<const Operator*> {
 protected:
  const Operator& op() const { return *GetParam(); }
  template <class F>
  void for_each_sample(F&& f) {
    uint64_t seed = 1;
    for (const OperatorSample& sample : op().samples()) {
      SCOPED_TRACE("sample " + std::to_string(seed));
      f(sample, inputs_of(sample, seed++));
      if (HasFatalFailure()) return;
    }
    ASSERT_GT(seed, 1u) << "no samples";
  }
};

TEST_P(Universal, ForwardIsTheTruth) {
  for_each_sample([&](const OperatorSample& sample, const Arrays& inputs) {
    const Arrays wide = to_float64(inputs);
    const Arrays truth = op().truth(sample.attributes, wide);
    const Arrays narrow_result = invoke(op(), sample.attributes, inputs);
    const Arrays wide_result = invoke(op(), sample.attributes, wide);
    ASSERT_EQ(truth.size(), static_cast<size_t>(op().visible_outputs));
    for (size_t i = 0; i < truth.size(); ++i) {
      expect_near(narrow_result[i], truth[i], op().tolerance, "float32 output");
      expect_near(wide_result[i], truth[i], kTolerance64, "float64 output");
    }
  });
}

TEST_P(Universal, ShapeRuleTellsTheOutputs) {
  for_each_sample([&](const OperatorSample& sample, const Arrays& inputs) {
    const Types types = op().infer(sample.attributes, sample.inputs);
    const Arrays outputs = op().forward(sample.attributes, inputs);
    ASSERT_EQ(types.size(), static_cast<size_t>(op().visible_outputs));
    for (size_t i = 0; i < types.size(); ++i) EXPECT_EQ(outputs[i].type().text(), types[i].text());
  });
}

class UniversalGradient : public Universal {};

TEST_P(UniversalGradient, GradientIsTheFiniteDifference) {
  for_each_sample([&](const OperatorSample& sample, const Arrays& inputs) {
    const Arrays wide = to_float64(inputs), weights = output_weights(op(), sample);
    const Arrays analytic = gradients(op(), sample.attributes, wide, weights);
    ASSERT_EQ(analytic.size(), inputs.size());
    for (size_t i = 0; i < wide.size(); ++i) {
      if (!is_float(wide[i].dtype())) continue;
      ASSERT_TRUE(analytic[i].defined());
      ASSERT_EQ(analytic[i].type(), wide[i].type());
      const std::vector<double> slope = analytic[i].to_vector<double>();
      const int64_t stride = std::max<int64_t>(1, wide[i].size() / kMostElements);
      for (int64_t at = 0; at < wide[i].size(); at += stride) {
        const auto moved = [&](double by) {
          Arrays copy = wide;
          copy[i] = wide[i].copy();
          copy[i].mutable_data<double>()[at] += by;
          return loss(op(), sample.attributes, copy, weights);
        };
        const double numeric = (moved(kStep) - moved(-kStep)) / (2 * kStep);
        ASSERT_NEAR(slope[static_cast<size_t>(at)], numeric, kGradientTolerance * std::max(1.0, std::abs(numeric)))
            << op().inputs[std::min(i, op().inputs.size() - 1)] << ", element " << at;
      }
    }
  });
}

TEST_P(UniversalGradient, Float32GradientIsTheFloat64One) {
  for_each_sample([&](const OperatorSample& sample, const Arrays& inputs) {
    const Arrays weights = output_weights(op(), sample);
    const Arrays wide = gradients(op(), sample.attributes, to_float64(inputs), weights);
    const Arrays narrow = gradients(op(), sample.attributes, inputs, weights);
    for (size_t i = 0; i < wide.size(); ++i) {
      ASSERT_EQ(narrow[i].defined(), wide[i].defined());
      if (!wide[i].defined()) continue;
      const auto a = narrow[i].to_vector<double>(), b = wide[i].to_vector<double>();
      double top = 1;
      for (const double v : b) top = std::max(top, std::abs(v));
      for (size_t j = 0; j < a.size(); ++j) ASSERT_NEAR(a[j], b[j], kGradientTolerance32 * top) << "input " << i;
    }
  });
}

TEST_P(Universal, StridedInputsGiveTheSameBits) {
  for_each_sample([&](const OperatorSample& sample, const Arrays& inputs) {
    Arrays views;
    for (const Array& x : inputs) views.push_back(strided(x));
    EXPECT_TRUE(same_outputs(invoke(op(), sample.attributes, inputs), invoke(op(), sample.attributes, views)));
    if (!op().gradient) return;
    const Arrays weights = output_weights(op(), sample);
    Arrays weight_views;
    for (const Array& w : weights) weight_views.push_back(strided(w));
    EXPECT_TRUE(same_outputs(gradients(op(), sample.attributes, inputs, weights),
                             gradients(op(), sample.attributes, views, weight_views)));
  });
}

TEST_P(Universal, ThreadsGiveTheSameBits) {
  for_each_sample([&](const OperatorSample& sample, const Arrays& inputs) {
    const auto run = [&](int threads) {
      const Threads scope(threads);
      Arrays out = recorded(op(), sample.attributes, inputs);
      if (op().gradient) {
        const Arrays g = gradients(op(), sample.attributes, inputs, output_weights(op(), sample));
        out.insert(out.end(), g.begin(), g.end());
      }
      return out;
    };
    EXPECT_TRUE(same_outputs(run(1), run(4)));
  });
}

TEST_P(Universal, MisuseIsRefusedWithItsText) {
  uint64_t seed = 1;
  for (const OperatorMisuse& misuse : op().misuses()) {
    const Arrays inputs = inputs_of({misuse.inputs, misuse.attributes}, seed++);
    try {
      invoke(op(), misuse.attributes, inputs);
      ADD_FAILURE() << "accepted: " << misuse.expected_text;
    } catch (const InvariantError& error) {
      ADD_FAILURE() << error.what();
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(misuse.expected_text), std::string::npos) << error.what();
    }
  }
  EXPECT_GT(seed, 1u) << "the row names no misuse";
}

TEST_P(Universal, WrongNumberOfInputsIsRefused) {
  const auto sample = op().samples().front();
  Arrays inputs = inputs_of(sample, 1);
  EXPECT_THROW(invoke(op(), sample.attributes, {}), ValueError);
  inputs.front() = Array();
  EXPECT_THROW(invoke(op(), sample.attributes, inputs), ValueError);
}

std::vector<const Operator*> rows(bool differentiable) {
  std::vector<const Operator*> out;
  for (const Operator& op : operators())
    if (!differentiable || op.gradient) out.push_back(&op);
  return out;
}

std::string row_name(const testing::TestParamInfo<const Operator*>& info) { return info.param->name; }

INSTANTIATE_TEST_SUITE_P(Ops, Universal, testing::ValuesIn(rows(false)), row_name);
INSTANTIATE_TEST_SUITE_P(Ops, UniversalGradient, testing::ValuesIn(rows(true)), row_name);

}  // namespace
}  // namespace quantick
