// A golden-vector file is worth what it tells apart: each plausible wrong kernel must differ from our own file in at
// least one case, and the contract itself in none. golden_contract.h writes the contract once more, as a template over
// its single steps; a wrong kernel replaces one of them. Operators: golden_operator_mutants_test.cc.
#include <gtest/gtest.h>

#include <filesystem>
#include <limits>

#include "quantick/core/float_mode.h"
#include "quantick/runtime/golden_contract.h"

namespace quantick::runtime {
namespace {

// The wrong kernels of the reference, and more of the GRU's.
struct HalfUp : Contract {
  static constexpr const char* kName = "HalfUp";
  static int64_t round(double v) { return static_cast<int64_t>(clamp32(std::floor(v + 0.5))); }
};
struct Truncation : Contract {
  static constexpr const char* kName = "Truncation";
  static int64_t round(double v) { return static_cast<int64_t>(clamp32(std::trunc(v))); }
};
struct X86Conversion : Contract {
  static constexpr const char* kName = "X86Conversion";
  static int64_t round(double v) {
    const double r = std::nearbyint(v);
    return std::fabs(r) >= 0x1p31 ? std::numeric_limits<int32_t>::min() : static_cast<int64_t>(r);
  }
};
struct Float64Requantization : Contract {
  static constexpr const char* kName = "Float64Requantization";
  static double requantized(int64_t sum, float scale) { return static_cast<double>(sum) * double{scale}; }
};
struct ResidualSumFused : Contract {
  static constexpr const char* kName = "ResidualSumFused";
  static double requantized2(int64_t a, float scale_a, int64_t b, float scale_b) {
    return double{std::fma(static_cast<float>(a), scale_a, static_cast<float>(b) * scale_b)};
  }
};
struct Accumulators32 : Contract {
  static constexpr const char* kName = "Accumulators32";
  static int64_t accumulated(int64_t sum) { return static_cast<int32_t>(sum); }
};
struct LibrarySigmoid : Contract {
  static constexpr const char* kName = "LibrarySigmoid";
  template <class P>
  static float sigmoid(float x) {
    return static_cast<float>(1 / (1 + std::exp(-std::fmin(std::fmax(double{x}, -60), 60))));
  }
};
struct LibraryTanh : Contract {
  static constexpr const char* kName = "LibraryTanh";
  template <class P>
  static float tanh(float x) {
    return static_cast<float>(std::tanh(double{x}));
  }
};
struct PolynomialFused : Contract {
  static constexpr const char* kName = "PolynomialFused";
  static float horner(float y, float t, float c) { return std::fma(y, t, c); }
};
struct NoFlush : Contract {
  static constexpr const char* kName = "NoFlush";
  static float flush(float c) { return c; }
};
struct Int8HiddenByTruncation : Contract {
  static constexpr const char* kName = "Int8HiddenByTruncation";
  static int hidden8(int h) { return h >> 8; }
};
struct PreActivationFused : Contract {
  static constexpr const char* kName = "PreActivationFused";
  static float pre_activation(int64_t ax, float sx, int64_t ah, float sh) {
    return std::fma(static_cast<float>(ax), sx, static_cast<float>(ah) * sh);
  }
};
struct PreActivationAsOneSum : Contract {
  static constexpr const char* kName = "PreActivationAsOneSum";
  static float pre_activation(int64_t ax, float sx, int64_t ah, float sh) {
    return static_cast<float>(static_cast<double>(ax) * double{sx} + static_cast<double>(ah) * double{sh});
  }
};
struct CellFused : Contract {
  static constexpr const char* kName = "CellFused";
  static float cell(float f, float c, float i, float g) { return std::fma(f, c, i * g); }
};
struct CellInFloat64 : Contract {
  static constexpr const char* kName = "CellInFloat64";
  static float cell(float f, float c, float i, float g) {
    return static_cast<float>(double{f} * double{c} + double{i} * double{g});
  }
};
struct CellInInt16 : Contract {
  static constexpr const char* kName = "CellInInt16";
  static std::pair<int, float> cell_width(int bits, float) { return {std::min(bits, 16), 8.0f}; }
};
struct GatesSwapped : Contract {
  static constexpr const char* kName = "GatesSwapped";
  static constexpr int kInput = 1, kForget = 0;
};

struct GruBlendAsTwoProducts : Contract {
  static constexpr const char* kName = "GruBlendAsTwoProducts";
  static float blended(float n, float z, float s) { return z * s + (1.0f - z) * n; }
};
struct GruBlendFused : Contract {
  static constexpr const char* kName = "GruBlendFused";
  static float blended(float n, float z, float s) { return std::fma(z, s - n, n); }
};
struct GruRolesExchanged : Contract {
  static constexpr const char* kName = "GruRolesExchanged";
  static float blended(float n, float z, float s) { return s + z * (n - s); }
};
struct GruNoReset : Contract {
  static constexpr const char* kName = "GruNoReset";
  static float candidate(float px, float, int64_t ah, int64_t bias, float sh) {
    return px + static_cast<float>(ah + bias) * sh;
  }
};
struct GruBiasOutsideReset : Contract {
  static constexpr const char* kName = "GruBiasOutsideReset";
  static float candidate(float px, float r, int64_t ah, int64_t bias, float sh) {
    return px + r * (static_cast<float>(ah) * sh) + static_cast<float>(bias) * sh;
  }
};
struct GruCandidateFused : Contract {
  static constexpr const char* kName = "GruCandidateFused";
  static float candidate(float px, float r, int64_t ah, int64_t bias, float sh) {
    return std::fma(r, static_cast<float>(ah + bias) * sh, px);
  }
};
struct GruStateReadBackFromHidden : Contract {
  static constexpr const char* kName = "GruStateReadBackFromHidden";
  static float previous(float s) {
    return static_cast<float>(std::clamp<int64_t>(Contract::round(double{s * 32768.0f}), -32767, 32767)) * 0x1p-15f;
  }
};
struct GruGatesSwapped : Contract {
  static constexpr const char* kName = "GruGatesSwapped";
  static constexpr int kReset = 1, kUpdate = 0;
};

struct Count {
  int differing = 0, cases = 0;
};

/// Dense, LSTM, GRU and add cases of the file in which P differs.
template <class P>
Count differing(const GoldenFile& file) {
  const FloatMode mode;
  Count count;
  for (const GoldenCase& c : file.cases) {
    bool same = true;
    if (const auto* d = std::get_if<GoldenDense>(&c.body))
      same = agrees<P>(*d);
    else if (const auto* l = std::get_if<GoldenLstm>(&c.body))
      same = agrees<P>(*l);
    else if (const auto* g = std::get_if<GoldenGru>(&c.body))
      same = agrees<P>(*g);
    else if (const auto* a = std::get_if<GoldenAdd>(&c.body))
      same = agrees<P>(*a);
    else
      continue;
    ++count.cases;
    count.differing += !same;
  }
  return count;
}

const std::string kOwn = std::string(QTK_SOURCE_DIR) + "/tests/golden/contract_v1.json";
const std::string kReference = std::string(QTK_SOURCE_DIR) + "/../shared/reference/golden_v1.json";

template <class P>
class GoldenMutants : public ::testing::Test {};

using Mutants =
    ::testing::Types<HalfUp, Truncation, X86Conversion, Float64Requantization, Accumulators32, LibrarySigmoid,
                     LibraryTanh, PolynomialFused, NoFlush, ResidualSumFused, Int8HiddenByTruncation,
                     PreActivationFused, PreActivationAsOneSum, CellFused, CellInFloat64, CellInInt16, GatesSwapped,
                     GruBlendAsTwoProducts, GruBlendFused, GruRolesExchanged, GruNoReset, GruBiasOutsideReset,
                     GruCandidateFused, GruStateReadBackFromHidden, GruGatesSwapped>;

struct MutantNames {
  template <class P>
  static std::string GetName(int) {
    return P::kName;
  }
};

TYPED_TEST_SUITE(GoldenMutants, Mutants, MutantNames);

TYPED_TEST(GoldenMutants, DiffersFromOurOwnVectors) {
  const Count count = differing<TypeParam>(read_golden(kOwn));
  EXPECT_GE(count.differing, 1) << "the file does not tell this wrong kernel from the contract";
}

TYPED_TEST(GoldenMutants, DiffersFromTheReferenceVectors) {
  if (!std::filesystem::exists(kReference)) GTEST_SKIP() << "no ../shared/reference beside the tree";
  EXPECT_GE(differing<TypeParam>(read_golden(kReference)).differing, 1);
}

TEST(GoldenContract, AgreesInEveryCase) {
  const Count own = differing<Contract>(read_golden(kOwn));
  EXPECT_EQ(own.differing, 0);
  EXPECT_GE(own.cases, 30);
}

TEST(GoldenContract, AgreesWithTheReferenceVectors) {
  if (!std::filesystem::exists(kReference)) GTEST_SKIP() << "no ../shared/reference beside the tree";
  const Count reference = differing<Contract>(read_golden(kReference));
  EXPECT_EQ(reference.differing, 0);
  EXPECT_EQ(reference.cases, 34);
}

}  // namespace
}  // namespace quantick::runtime
