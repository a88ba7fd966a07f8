// What golden_mutants_test.cc does, for the operators' cases: each plausible wrong kernel must differ in at least one
// case of every operator that it names, and the contract in none.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "quantick/core/float_mode.h"
#include "quantick/runtime/golden_contract_operators.h"

namespace quantick::runtime {
namespace {

using Names = std::vector<std::string>;

struct StoresByReciprocal : OperatorContract {
  static constexpr const char* kName = "StoresByReciprocal";
  static Names seen_by() { return {"identity"}; }
  static float in_steps(float y, float scale) { return y * (1.0f / scale); }
};
struct Truncates : OperatorContract {
  static constexpr const char* kName = "Truncates";
  static Names seen_by() {
    return {"causal_convolution", "convolution", "embedding", "dense",    "matmul",    "softmax",
            "layer_norm",         "rms_norm",    "gelu",      "avg_pool", "attention", "causal_attention",
            "sequence_attention", "multiply",    "add",       "mean"};
  }
  static int64_t round(double v) { return static_cast<int64_t>(clamp32(std::trunc(v))); }
};
struct SumsAscending : OperatorContract {
  static constexpr const char* kName = "SumsAscending";
  static Names seen_by() { return {"softmax", "log_softmax", "layer_norm", "rms_norm", "mean", "sum"}; }
  static float sum16(const std::vector<float>& v) {
    float total = 0;
    for (const float x : v) total += x;
    return total;
  }
};
struct SumsOfNeighbours : OperatorContract {
  static constexpr const char* kName = "SumsOfNeighbours";
  static Names seen_by() { return {"softmax", "layer_norm", "sum", "causal_attention"}; }
  static float sum16(const std::vector<float>& v) {
    float lane[16] = {};
    for (size_t k = 0; k < v.size(); ++k) lane[k % 16] += v[k];
    for (int width = 1; width < 16; width *= 2)
      for (int j = 0; j < 16; j += 2 * width) lane[j] += lane[j + width];
    return lane[0];
  }
};
struct SumsInFloat64 : OperatorContract {
  static constexpr const char* kName = "SumsInFloat64";
  static Names seen_by() { return {"softmax", "layer_norm", "rms_norm", "sum"}; }
  static float sum16(const std::vector<float>& v) {
    double total = 0;
    for (const float x : v) total += double{x};
    return static_cast<float>(total);
  }
};
struct LibraryExp : OperatorContract {
  static constexpr const char* kName = "LibraryExp";
  static Names seen_by() { return {"softmax", "exp", "causal_attention"}; }
  template <class P>
  static float exp(float x) {
    return static_cast<float>(std::exp(double{x}));
  }
};
struct ExpFused : OperatorContract {
  static constexpr const char* kName = "ExpFused";
  static Names seen_by() { return {"exp", "softmax"}; }
  static float exp_end(float q, float r) { return std::fma(q, r * r, r) + 1.0f; }
};
struct SoftmaxWithoutMaximum : OperatorContract {
  static constexpr const char* kName = "SoftmaxWithoutMaximum";
  static Names seen_by() { return {"softmax", "log_softmax"}; }
  static float shift(float) { return 0; }
};
struct DynamicScaleOfTheBatch : OperatorContract {
  static constexpr const char* kName = "DynamicScaleOfTheBatch";
  static Names seen_by() { return {"dense", "convolution", "causal_convolution"}; }
  static constexpr bool kScalePerRow = false;
};
struct AvgPoolDividesLast : OperatorContract {
  static constexpr const char* kName = "AvgPoolDividesLast";
  static Names seen_by() { return {"avg_pool"}; }
  static float mean(int64_t sum, float scale, float divisor) { return static_cast<float>(sum) * scale / divisor; }
};
struct LibraryLog : OperatorContract {
  static constexpr const char* kName = "LibraryLog";
  static Names seen_by() { return {"log_softmax"}; }
  static float log(float x) { return static_cast<float>(std::log(double{x})); }
};
struct SoftmaxByReciprocal : OperatorContract {
  static constexpr const char* kName = "SoftmaxByReciprocal";
  static Names seen_by() { return {"softmax"}; }
  static float share(float e, float total) { return e * (1.0f / total); }
};
struct LibrarySigmoidInOperators : OperatorContract {
  static constexpr const char* kName = "LibrarySigmoidInOperators";
  static Names seen_by() { return {"sigmoid", "silu"}; }
  template <class P>
  static float sigmoid(float x) {
    return static_cast<float>(1 / (1 + std::exp(-double{x})));
  }
};
struct LibraryTanhInOperators : OperatorContract {
  static constexpr const char* kName = "LibraryTanhInOperators";
  static Names seen_by() { return {"tanh", "gelu"}; }
  template <class P>
  static float tanh(float x) {
    return static_cast<float>(std::tanh(double{x}));
  }
};
struct LibraryErf : OperatorContract {
  static constexpr const char* kName = "LibraryErf";
  static Names seen_by() { return {"gelu"}; }
  template <class P>
  static float erf(float x) {
    return static_cast<float>(std::erf(double{x}));
  }
};
struct GeluByTanh : OperatorContract {
  static constexpr const char* kName = "GeluByTanh";
  static Names seen_by() { return {"gelu"}; }
  template <class P>
  static float gelu(float x, bool) {
    return OperatorContract::gelu<P>(x, true);
  }
};
struct GeluWithoutFlush : OperatorContract {
  static constexpr const char* kName = "GeluWithoutFlush";
  static Names seen_by() { return {"gelu"}; }
  template <class P>
  static float gelu(float x, bool tanh_form) {
    if (x >= -5.65625f || tanh_form) return OperatorContract::gelu<P>(x, tanh_form);
    return (0.5f * x) * (1.0f + P::template erf<P>(x * 0x1.6a09e6p-1f));
  }
};
struct RmsNormByVariance : OperatorContract {
  static constexpr const char* kName = "RmsNormByVariance";
  static Names seen_by() { return {"rms_norm"}; }
  static float rms_mean(const std::vector<float>& x) { return sum16(x) / static_cast<float>(x.size()); }
};
struct VarianceFromSquares : OperatorContract {
  static constexpr const char* kName = "VarianceFromSquares";
  static Names seen_by() { return {"layer_norm"}; }
  static float variance(const std::vector<float>& x, float mean, float) {
    std::vector<float> squares;
    for (const float v : x) squares.push_back(v * v);
    return sum16(squares) / static_cast<float>(x.size()) - mean * mean;
  }
};
struct UnbiasedVariance : OperatorContract {
  static constexpr const char* kName = "UnbiasedVariance";
  static Names seen_by() { return {"layer_norm"}; }
  static float variance(const std::vector<float>& x, float, float of_differences) {
    const auto n = static_cast<float>(x.size());
    return of_differences * n / (n - 1.0f);
  }
};
struct EpsilonOutsideTheRoot : OperatorContract {
  static constexpr const char* kName = "EpsilonOutsideTheRoot";
  static Names seen_by() { return {"layer_norm", "rms_norm"}; }
  static float root(float variance, float epsilon) { return std::sqrt(variance) + epsilon; }
};
struct DividesByTheDeviation : OperatorContract {
  static constexpr const char* kName = "DividesByTheDeviation";
  static Names seen_by() { return {"layer_norm", "rms_norm"}; }
  static float normalized(float d, float root) { return d / root; }
};
struct NormalizationFused : OperatorContract {
  static constexpr const char* kName = "NormalizationFused";
  static Names seen_by() { return {"layer_norm"}; }
  static float shifted(float unit, float gamma, float beta) { return std::fma(unit, gamma, beta); }
};
struct AvgPoolRoundsTwice : OperatorContract {
  static constexpr const char* kName = "AvgPoolRoundsTwice";
  static Names seen_by() { return {"avg_pool"}; }
  static float mean(int64_t sum, float scale, float divisor) {
    return static_cast<float>(std::nearbyint(static_cast<float>(sum) / divisor)) * scale;
  }
};
struct AvgPoolCountsPads : OperatorContract {
  static constexpr const char* kName = "AvgPoolCountsPads";
  static Names seen_by() { return {"avg_pool"}; }
  static int64_t divisor(int64_t, int64_t taps, bool) { return taps; }
};
struct AvgPoolPadsReadZero : OperatorContract {
  static constexpr const char* kName = "AvgPoolPadsReadZero";
  static Names seen_by() { return {"avg_pool"}; }
  static int64_t counted(int64_t, int64_t taps) { return taps; }
};
struct PairsByFloat : OperatorContract {
  static constexpr const char* kName = "PairsByFloat";
  static Names seen_by() { return {"add", "subtract", "multiply", "matmul"}; }
  static constexpr bool kIntegerPairs = false;
};
struct SumFused : OperatorContract {
  static constexpr const char* kName = "SumFused";
  static Names seen_by() { return {"add"}; }
  static double requantized2(int64_t a, float scale_a, int64_t b, float scale_b) {
    return double{std::fma(static_cast<float>(a), scale_a, static_cast<float>(b) * scale_b)};
  }
};
struct NumeratorsInFloat : OperatorContract {
  static constexpr const char* kName = "NumeratorsInFloat";
  static Names seen_by() { return {"attention", "causal_attention", "sequence_attention"}; }
  static double numerator(float e) { return double{e}; }
};
struct NumeratorsTruncated : OperatorContract {
  static constexpr const char* kName = "NumeratorsTruncated";
  static Names seen_by() { return {"attention", "causal_attention", "sequence_attention"}; }
  static double numerator(float e) { return std::trunc(e); }
};
struct ScoresScaledTwice : OperatorContract {
  static constexpr const char* kName = "ScoresScaledTwice";
  static Names seen_by() { return {"attention"}; }
  static float score(int64_t a, float s_q, float s_k, float scale) {
    return ((static_cast<float>(a) * s_q) * s_k) * scale;
  }
};
struct AttentionStoresInTwoSteps : OperatorContract {
  static constexpr const char* kName = "AttentionStoresInTwoSteps";
  static Names seen_by() { return {"causal_attention"}; }
  static float attended(float t, float s_v, float s_y) { return (t * s_v) / s_y; }
};
struct LongerContext : OperatorContract {
  static constexpr const char* kName = "LongerContext";
  static Names seen_by() { return {"causal_attention"}; }
  static int64_t context(int64_t asked) { return asked + 1; }
};
struct HeadsInterleaved : OperatorContract {
  static constexpr const char* kName = "HeadsInterleaved";
  static Names seen_by() { return {"causal_attention"}; }
  static int64_t kv_head(int64_t head, int64_t, int64_t kv_heads) { return head % kv_heads; }
};
struct MaskIgnored : OperatorContract {
  static constexpr const char* kName = "MaskIgnored";
  static Names seen_by() { return {"attention"}; }
  static bool counts(float) { return true; }
};
struct MaskByNotZero : OperatorContract {
  static constexpr const char* kName = "MaskByNotZero";
  static Names seen_by() { return {"attention"}; }
  static bool counts(float mask) { return mask != 0; }
};
struct GroupsDescending : OperatorContract {
  static constexpr const char* kName = "GroupsDescending";
  static Names seen_by() { return {"dense", "convolution", "causal_convolution"}; }
  static constexpr bool kAscendingGroups = false;
};
struct GroupsFused : OperatorContract {
  static constexpr const char* kName = "GroupsFused";
  static Names seen_by() { return {"dense", "convolution", "causal_convolution"}; }
  static float next_sum(float t, int64_t a, float scale) { return std::fma(static_cast<float>(a), scale, t); }
};
struct DynamicRangeOf128 : OperatorContract {
  static constexpr const char* kName = "DynamicRangeOf128";
  static Names seen_by() { return {"dense", "convolution", "causal_convolution", "lstm", "gru", "lstm_projection"}; }
  static float row_scale(float largest) { return largest / 128.0f; }
};
struct DynamicScalesOneByOne : OperatorContract {
  static constexpr const char* kName = "DynamicScalesOneByOne";
  static Names seen_by() { return {"dense", "convolution", "causal_convolution"}; }
  static float known_and_row(int64_t a, float s, float s_w) { return (static_cast<float>(a) * s) * s_w; }
};
struct DecayForgotten : OperatorContract {
  static constexpr const char* kName = "DecayForgotten";
  static Names seen_by() { return {"dense", "causal_convolution", "lstm", "gru"}; }
  static float decayed(float, float) { return 0.0f; }
};
struct MaximumNeverDecays : OperatorContract {
  static constexpr const char* kName = "MaximumNeverDecays";
  static Names seen_by() { return {"dense", "causal_convolution", "lstm", "gru"}; }
  static float decayed(float, float before) { return before; }
};
struct TapsReversed : OperatorContract {
  static constexpr const char* kName = "TapsReversed";
  static Names seen_by() { return {"causal_convolution", "convolution"}; }
  static int64_t tap(int64_t k, int64_t taps) { return taps - 1 - k; }
};
struct DilationIgnored : OperatorContract {
  static constexpr const char* kName = "DilationIgnored";
  static Names seen_by() { return {"causal_convolution"}; }
  static int64_t dilation(int64_t) { return 1; }
};
struct PaddingReadsZero : OperatorContract {
  static constexpr const char* kName = "PaddingReadsZero";
  static Names seen_by() { return {"causal_convolution", "convolution"}; }
  static int32_t padding(int32_t) { return 0; }
};
struct ZeroPointOfTheInput : OperatorContract {
  static constexpr const char* kName = "ZeroPointOfTheInput";
  static Names seen_by() { return {"causal_convolution", "convolution"}; }
  static int32_t zero_of_products(const TensorFormat& x, const TensorFormat&) { return x.zero_point; }
};
struct ScaleOfAnotherRow : OperatorContract {
  static constexpr const char* kName = "ScaleOfAnotherRow";
  static Names seen_by() { return {"embedding"}; }
  static size_t embedding_scale(size_t row, size_t count) { return (row + 1) % count; }
};
struct ScaleOfTheTensor : OperatorContract {
  static constexpr const char* kName = "ScaleOfTheTensor";
  static Names seen_by() { return {"embedding"}; }
  static size_t embedding_scale(size_t, size_t) { return 0; }
};
struct ProjectionTruncates : OperatorContract {
  static constexpr const char* kName = "ProjectionTruncates";
  static Names seen_by() { return {"lstm_projection"}; }
  static int64_t projected(double r) { return std::clamp<int64_t>(static_cast<int64_t>(std::trunc(r)), -32768, 32767); }
};
struct BatchNormFused : OperatorContract {
  static constexpr const char* kName = "BatchNormFused";
  static Names seen_by() { return {"batch_norm"}; }
  static float affine(float x, float scale, float shift) { return std::fma(x, scale, shift); }
};

struct Count {
  int cases = 0, differing = 0;
};

/// By operator, the cases of the file and those in which P differs.
template <class P>
std::map<std::string, Count> counts(const GoldenFile& file) {
  const FloatMode mode;
  std::map<std::string, Count> out;
  for (const GoldenCase& c : file.cases)
    if (const auto* op = std::get_if<GoldenOperator>(&c.body)) {
      Count& count = out[op->op];
      ++count.cases;
      count.differing += expected<P>(*op) != op->output.codes;
    }
  return out;
}

const std::string kOwn = std::string(QTK_SOURCE_DIR) + "/tests/golden/contract_v1.json";
const std::string kReference = std::string(QTK_SOURCE_DIR) + "/../shared/reference/golden_v1.json";

const GoldenFile& own_file() {
  static const GoldenFile file = read_golden(kOwn);
  return file;
}

template <class P>
class GoldenOperatorMutants : public ::testing::Test {};

using Mutants =
    ::testing::Types<StoresByReciprocal, Truncates, SumsAscending, SumsOfNeighbours, SumsInFloat64, LibraryExp,
                     ExpFused, SoftmaxWithoutMaximum, DynamicScaleOfTheBatch, AvgPoolDividesLast, LibraryLog,
                     SoftmaxByReciprocal, LibrarySigmoidInOperators, LibraryTanhInOperators, LibraryErf, GeluByTanh,
                     GeluWithoutFlush, RmsNormByVariance, VarianceFromSquares, UnbiasedVariance, EpsilonOutsideTheRoot,
                     DividesByTheDeviation, NormalizationFused, AvgPoolRoundsTwice, AvgPoolCountsPads,
                     AvgPoolPadsReadZero, PairsByFloat, SumFused, NumeratorsInFloat, NumeratorsTruncated,
                     ScoresScaledTwice, AttentionStoresInTwoSteps, LongerContext, HeadsInterleaved, MaskIgnored,
                     MaskByNotZero, GroupsDescending, GroupsFused, DynamicRangeOf128, DynamicScalesOneByOne,
                     DecayForgotten, MaximumNeverDecays, TapsReversed, DilationIgnored, PaddingReadsZero,
                     ZeroPointOfTheInput, ScaleOfAnotherRow, ScaleOfTheTensor, ProjectionTruncates, BatchNormFused>;

struct MutantNames {
  template <class P>
  static std::string GetName(int) {
    return P::kName;
  }
};

TYPED_TEST_SUITE(GoldenOperatorMutants, Mutants, MutantNames);

TYPED_TEST(GoldenOperatorMutants, DiffersFromOurOwnVectors) {
  const auto seen = counts<TypeParam>(own_file());
  for (const std::string& op : TypeParam::seen_by())
    EXPECT_TRUE(seen.contains(op) && seen.at(op).differing >= 1)
        << "the cases of " << op << " do not tell this wrong kernel from the contract";
}

/// The reference has cases of two operators.
TYPED_TEST(GoldenOperatorMutants, DiffersFromTheReferenceVectors) {
  if (!std::filesystem::exists(kReference)) GTEST_SKIP() << "no ../shared/reference beside the tree";
  const Names ops = TypeParam::seen_by();
  if (ops != Names{"embedding"} && ops != Names{"causal_convolution"} &&
      ops != Names{"causal_convolution", "convolution"})
    return;  // of other operators alone
  const auto seen = counts<TypeParam>(read_golden(kReference));
  EXPECT_GE(seen.at(ops[0]).differing, 1);
}

TEST(GoldenOperatorContract, AgreesInEveryCase) {
  const auto seen = counts<OperatorContract>(own_file());
  int cases = 0;
  for (const auto& [op, count] : seen) {
    EXPECT_EQ(count.differing, 0) << op;
    cases += count.cases;
  }
  EXPECT_GE(seen.size(), 30u);
  EXPECT_GE(cases, 80);
}

TEST(GoldenOperatorContract, AgreesWithTheReferenceVectors) {
  if (!std::filesystem::exists(kReference)) GTEST_SKIP() << "no ../shared/reference beside the tree";
  const auto seen = counts<OperatorContract>(read_golden(kReference));
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(seen.at("causal_convolution").cases, 3);
  EXPECT_EQ(seen.at("embedding").cases, 1);
  for (const auto& [op, count] : seen) EXPECT_EQ(count.differing, 0) << op;
}

}  // namespace
}  // namespace quantick::runtime
