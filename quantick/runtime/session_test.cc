#include "quantick/runtime/session.h"

#include <gtest/gtest.h>
#include <xmmintrin.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "quantick/core/error.h"
#include "quantick/core/thread_pool.h"
#include "quantick/ops/ops.h"
#include "quantick/runtime/causality.h"
#include "quantick/runtime/random_program.h"

namespace quantick::runtime {
namespace {

std::string text_of(const Session& session, const Array& x) {
  try {
    session.run(x);
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Session, ShapesFollowTheInput) {
  const Program sequences = random_lstm({.features = 5, .units = 8}, 1);
  EXPECT_EQ(Session(sequences).run(random_input(sequences, 7, 3, 1)).shape(), (Shape{7, 3, 4}));
  const Program last = random_lstm({.features = 5, .units = 8, .last_only = true}, 1);
  EXPECT_EQ(Session(last).run(random_input(last, 7, 3, 1)).shape(), (Shape{3, 4}));
  const Program frames = random_dense(6, 5, 8, 1);
  EXPECT_EQ(Session(frames).run(random_input(frames, 1, 9, 1)).shape(), (Shape{9, 5}));
  EXPECT_EQ(Session(frames).run(Array::zeros(Shape{0, 6})).shape(), (Shape{0, 5}));
}

TEST(Session, BatchAndThreadsAndTimeBlocksChangeNoBit) {
  const Program program = random_lstm({.features = 5, .units = 9}, 3);
  const Session session(program);
  // More steps and rows than one block of either.
  const Array x = random_input(program, 150, 70, 2);
  const int before = thread_count();
  set_thread_count(1);
  const Array one = session.run_codes(x);
  set_thread_count(3);
  const Array three = session.run_codes(x);
  set_thread_count(before);
  EXPECT_TRUE(same_bits(one, three));
  for (const int64_t n : {0, 63, 64, 69})
    EXPECT_TRUE(same_bits(session.run_codes(x.slice(1, n, n + 1)), one.slice(1, n, n + 1).contiguous())) << n;
  EXPECT_TRUE(same_bits(session.run_all_codes(x)[program.outputs[0].value], one));
}

TEST(Session, TheLastStepIsThatOfTheWholeSequence) {
  const Program whole = random_lstm({.features = 5, .units = 9}, 3);
  const Program last = random_lstm({.features = 5, .units = 9, .last_only = true}, 3);
  const Array x = random_input(whole, 130, 3, 2);
  EXPECT_TRUE(same_bits(Session(whole).run(x).slice(0, 129, 130).squeeze(0).contiguous(), Session(last).run(x)));
}

TEST(Session, EveryInstructionSetGivesTheSameBits) {
  const Program program = random_lstm({.features = 33, .units = 17}, 5);
  const Array x = random_input(program, 20, 5, 3);
  Array scalar;
  {
    const ForcedIsa forced(Isa::scalar);
    scalar = Session(program).run_codes(x);
  }
  for (const Isa isa : supported_isas()) {
    const ForcedIsa forced(isa);
    const Session session(program);
    EXPECT_EQ(session.plan().isa(), isa);
    EXPECT_TRUE(same_bits(session.run_codes(x), scalar)) << isa_name(isa);
  }
}

TEST(Session, TheCallersFloatModeDoesNotMatter) {
  const Program program = random_lstm({.features = 5, .units = 9}, 3);
  const Session session(program);
  const Array x = random_input(program, 20, 3, 2);
  const Array expected = session.run(x);
  const unsigned saved = _mm_getcsr();
  _mm_setcsr(saved | 0x8040u | 0x6000u);  // flush to zero, denormals are zero, round toward zero
  const Array got = session.run(x), all = session.run_all(x)[program.outputs[0].value];
  const unsigned after = _mm_getcsr();
  _mm_setcsr(saved);
  EXPECT_TRUE(same_bits(got, expected));
  EXPECT_TRUE(same_bits(all, expected));
  EXPECT_EQ(after & 0xe040u, (saved | 0x8040u | 0x6000u) & 0xe040u);
}

TEST(Session, NamesTheMissingCell) {
  Program program = random_lstm({.features = 3, .units = 4}, 3);
  Array x = random_input(program, 5, 2, 2);
  x.mutable_data<float>()[(3 * 2 + 1) * 3 + 2] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_NE(text_of(Session(program), x).find("nan in column 2, row 1, step 3"), std::string::npos)
      << text_of(Session(program), x);
  program.inputs[0].columns = {"open", "close", "volume"};
  EXPECT_NE(text_of(Session(program), x).find("column \"volume\", row 1, step 3"), std::string::npos);

  program.inputs[0].missing = MissingPolicy::fill;
  Array filled = x.copy();
  filled.mutable_data<float>()[(3 * 2 + 1) * 3 + 2] = 0;
  EXPECT_TRUE(same_bits(Session(program).run(x), Session(program).run(filled)));
  x.mutable_data<float>()[0] = -std::numeric_limits<float>::infinity();
  filled.mutable_data<float>()[0] = 0;
  EXPECT_TRUE(same_bits(Session(program).run(x), Session(program).run(filled)));
}

TEST(Session, RefusesOtherShapesAndTypes) {
  const Program program = random_lstm({.features = 3, .units = 4}, 3);
  const Session session(program);
  EXPECT_NE(text_of(session, Array::zeros(Shape{5, 2, 4})).find("expected [steps, batch] followed by (3,)"),
            std::string::npos);
  EXPECT_NE(text_of(session, Array::zeros(Shape{5, 3})).find("was (5, 3)"), std::string::npos);
  EXPECT_NE(text_of(session, Array::zeros(Shape{0, 2, 3})).find("expected at least 1"), std::string::npos);
  EXPECT_THROW(session.run(Array::zeros(Shape{5, 2, 3}, DType::f64)), TypeError);
}

TEST(Session, LargeFiniteInputsSaturate) {
  const Program program = random_dense(4, 3, 8, 1);
  const Array huge = Array::full(Shape{1, 4}, 3e38);
  const float top = (127 - program.input().format.zero_point) * program.input().format.scale;
  EXPECT_TRUE(same_bits(Session(program).run(huge), Session(program).run(Array::full(Shape{1, 4}, top))));
}

TEST(Session, CodesOfFewerBitsStayInTheirRange) {
  Program program = random_dense(33, 9, 8, 4);
  TensorFormat& format = program.values[program.outputs[0].value].format;
  format.zero_point = 3;
  const Array x = random_input(program, 1, 20, 2);
  const std::vector<int8_t> wide = Session(program).run_codes(x).to_vector<int8_t>();
  format.narrow_bits = 4;
  const std::vector<int8_t> narrow = Session(program).run_codes(x).to_vector<int8_t>();
  int64_t clamped = 0;
  for (size_t i = 0; i < wide.size(); ++i) {
    EXPECT_EQ(narrow[i], std::clamp<int8_t>(wide[i], -8, 7));
    clamped += narrow[i] != wide[i];
  }
  EXPECT_GT(clamped, 10);
}

TEST(Causality, OutputsDependOnThePastOfTheirOwnRowOnly) {
  const Program program = random_lstm({.features = 5, .units = 9}, 3);
  const CausalityResult result = check_causality(Session(program), random_input(program, 20, 4, 2));
  EXPECT_TRUE(result.causal());
  EXPECT_EQ(result.compared, 20 * 4 + (1 + 10 + 19 + 19) * 4 * 4);
  const Program last = random_lstm({.features = 5, .units = 9, .last_only = true}, 3);
  EXPECT_TRUE(check_causality(Session(last), random_input(last, 20, 4, 2)).causal());
  EXPECT_THROW(check_causality(Session(program), random_input(program, 1, 4, 2)), ShapeError);
}

TEST(Causality, SeesACallableThatLooksAheadOrAtItsCompanions) {
  const Array x = random_input(random_lstm({.features = 5}, 3), 20, 4, 2);
  const auto later = [](const Array& v) { return v - v.slice(0, v.shape()[0] - 1, v.shape()[0]).copy(); };
  const CausalityResult ahead = check_causality(later, x);
  EXPECT_GT(ahead.truncated, 0);
  EXPECT_GT(ahead.later_step, 0);
  EXPECT_EQ(ahead.batch_companions, 0);
  EXPECT_NE(ahead.text().find("changed by cutting off later steps"), std::string::npos) << ahead.text();
  const auto whole_range = [](const Array& v) { return v / max(abs(v)); };  // as a range over a whole tensor does
  EXPECT_GT(check_causality(whole_range, x).batch_companions, 0);
  const auto past = [](const Array& v) { return v * 2.0; };
  EXPECT_EQ(check_causality(past, x).text(), "1080 values compared: no look-ahead");
}

TEST(Causality, RefusesOutputsOfAnotherForm) {
  const Array x = random_input(random_lstm({.features = 5}, 3), 20, 4, 2);
  const auto newest = [](const Array& v) { return v.slice(0, v.shape()[0] - 1, v.shape()[0]).squeeze(0); };
  EXPECT_THROW(check_causality(newest, x), ShapeError);
  EXPECT_TRUE(check_causality(newest, x, {.sequence_out = false}).causal());
  const auto fewer = [](const Array& v) { return v.slice(0, 0, 1); };
  const auto turned = [](const Array& v) { return v.transpose({1, 0, 2}); };
  const auto nothing = [](const Array& v) { return v.slice(2, 0, 0); };
  const auto fixed = [](const Array&) { return Array::zeros({20, 4, 1}); };  // whatever it is given
  for (const auto& model : {std::function<Array(const Array&)>(fewer), {turned}, {nothing}, {fixed}})
    EXPECT_THROW(check_causality(model, x), ShapeError);
  EXPECT_THROW(check_causality(fewer, x, {.sequence_out = false}), ShapeError);
}

}  // namespace
}  // namespace quantick::runtime
