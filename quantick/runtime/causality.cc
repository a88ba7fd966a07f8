#include "quantick/runtime/causality.h"

#include <cstring>

#include "quantick/core/error.h"
#include "quantick/core/rng.h"

namespace quantick::runtime {
namespace {

/// Elements of equal arrays that differ in any bit.
int64_t differences(const Array& a, const Array& b) {
  QTK_ASSERT(a.type() == b.type());
  const Array x = a.contiguous(), y = b.contiguous();
  const int64_t bytes = dtype_size(x.dtype());
  int64_t count = 0;
  for (int64_t i = 0; i < x.size(); ++i)
    count += std::memcmp(x.raw() + i * bytes, y.raw() + i * bytes, static_cast<size_t>(bytes)) != 0;
  return count;
}

/// Other values of the same size as those of x, so that they matter.
void scramble(Array view, const Key& key) {
  const std::vector<float> old = view.to_vector<float>();
  std::vector<float> changed(old.size());
  for (size_t i = 0; i < old.size(); ++i)
    changed[i] = -old[key.below(i, old.size())] + static_cast<float>(key.fold("noise").normal(i));
  view.assign(Array::from(changed, view.shape()));
}

}  // namespace

CausalityResult& CausalityResult::operator+=(const CausalityResult& other) {
  compared += other.compared, truncated += other.truncated;
  later_step += other.later_step, batch_companions += other.batch_companions;
  return *this;
}

std::string CausalityResult::text() const {
  std::string text = fmt::format("{} values compared: ", compared);
  if (causal()) return text + "no look-ahead";
  const auto add = [&](int64_t count, std::string_view what) {
    if (count > 0) text += fmt::format("{}{} changed by {}", text.ends_with(": ") ? "" : ", ", count, what);
  };
  add(truncated, "cutting off later steps");
  add(later_step, "another last step");
  add(batch_companions, "other rows of the batch");
  return text;
}

CausalityResult check_causality(const std::function<Array(const Array&)>& model, const Array& x,
                                const CausalityOptions& options) {
  const int batch_axis = options.sequence_in ? 1 : 0, out_axis = options.sequence_out ? 1 : 0;
  QTK_CHECK(x.ndim() > batch_axis && x.shape()[batch_axis] >= 2 && (!options.sequence_in || x.shape()[0] >= 2),
            ShapeError, "[causality] x, was {}, expected at least 2 steps and 2 rows", x.shape().text());
  const Key key(options.seed);
  CausalityResult result;
  // Without this an output of another form would be compared at places that mean nothing, or not at all.
  const auto run = [&](const Array& input) {
    const Array y = model(input);
    const auto fits = [&](int axis, int64_t extent) { return y.ndim() > axis && y.shape()[axis] == extent; };
    const bool steps_fit = !options.sequence_in || !options.sequence_out || fits(0, input.shape()[0]);
    QTK_CHECK(
        steps_fit && fits(out_axis, input.shape()[batch_axis]) && y.size() > 0, ShapeError,
        "[causality] output of x {}, was {}, expected {}", input.shape().text(), y.shape().text(),
        options.sequence_out ? "[steps, batch, ...]: say so (sequence_out) where it is [batch, ...]" : "[batch, ...]");
    return y;
  };
  const Array base = run(x);

  const int64_t rows = x.shape()[batch_axis], kept = rows / 2;
  Array others = x.copy();
  scramble(others.slice(batch_axis, 0, kept), key.fold("before"));
  scramble(others.slice(batch_axis, kept + 1, rows), key.fold("after"));
  const Array alone = base.slice(out_axis, kept, kept + 1);
  result.compared += alone.size();
  result.batch_companions = differences(alone, run(others).slice(out_axis, kept, kept + 1));
  if (!options.sequence_in || !options.sequence_out) return result;

  const int64_t steps = x.shape()[0];
  const auto compare = [&](const Array& input, int64_t until, int64_t& changed) {
    const Array before = base.slice(0, 0, until);
    result.compared += before.size();
    changed += differences(before, run(input).slice(0, 0, until));
  };
  for (const int64_t cut : {int64_t{1}, steps / 2, steps - 1})
    compare(x.slice(0, 0, cut).contiguous(), cut, result.truncated);
  Array later = x.copy();
  scramble(later.slice(0, steps - 1, steps), key.fold("last"));
  compare(later, steps - 1, result.later_step);
  return result;
}

CausalityResult check_causality(const Session& session, const Array& x, uint64_t seed) {
  const Plan& plan = session.plan();
  return check_causality([&](const Array& input) { return session.run_codes(input); }, x,
                         {.sequence_in = plan.values()[plan.input().value].sequence,
                          .sequence_out = plan.values()[plan.output()].sequence,
                          .seed = seed});
}

}  // namespace quantick::runtime
