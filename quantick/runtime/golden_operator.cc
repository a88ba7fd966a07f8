#include "quantick/runtime/golden_operator.h"

#include <cstring>

#include "quantick/ops/operator.h"

namespace quantick::runtime {
namespace {

/// Codes as the node reads them: the low bytes of each.
std::vector<std::byte> packed(const std::vector<int64_t>& codes, DType dtype) {
  const auto size = static_cast<size_t>(dtype_size(dtype));
  std::vector<std::byte> out(codes.size() * size);
  for (size_t i = 0; i < codes.size(); ++i) std::memcpy(out.data() + i * size, &codes[i], size);
  return out;
}

template <class T>
void widen(const std::byte* from, std::vector<int64_t>& codes) {
  for (size_t i = 0; i < codes.size(); ++i) {
    T value;
    std::memcpy(&value, from + i * sizeof(T), sizeof(T));
    codes[i] = static_cast<int64_t>(value);
  }
}

std::vector<int64_t> unpacked(const std::vector<std::byte>& bytes, DType dtype) {
  std::vector<int64_t> codes(bytes.size() / static_cast<size_t>(dtype_size(dtype)));
  if (dtype == DType::i8)
    widen<int8_t>(bytes.data(), codes);
  else if (dtype == DType::i16)
    widen<int16_t>(bytes.data(), codes);
  else
    widen<uint32_t>(bytes.data(), codes);
  return codes;
}

/// Rows [step, first .. first + count) of a tensor with c.batch rows a step.
std::vector<int64_t> batch_rows(const GoldenTensor& t, const GoldenOperator& c, int64_t first, int64_t count) {
  std::vector<int64_t> out;
  const int64_t width = t.channels.size();
  for (int64_t step = 0; step < c.steps; ++step) {
    const auto from = t.codes.begin() + (step * c.batch + first) * width;
    out.insert(out.end(), from, from + count * width);
  }
  return out;
}

/// Some rows of the batch, so many steps at a time.
std::vector<int64_t> run_rows(const IntegerNode& node, const GoldenOperator& c, int64_t first, int64_t rows,
                              int64_t at_once) {
  std::vector<std::vector<std::byte>> inputs;
  for (const GoldenTensor& t : c.inputs) inputs.push_back(packed(batch_rows(t, c, first, rows), t.format.dtype));
  std::vector<std::byte> output(
      static_cast<size_t>(c.steps * rows * c.output.channels.size() * dtype_size(c.output.format.dtype)));
  std::vector<std::byte> state(static_cast<size_t>(node.state_bytes() * rows));
  std::vector<std::byte> scratch(static_cast<size_t>(node.scratch_bytes(at_once, rows)));
  for (int64_t step = 0; step < c.steps; step += at_once) {
    std::vector<const void*> pointers;
    for (const auto& bytes : inputs) pointers.push_back(bytes.data() + bytes.size() / c.steps * step);
    node.run({.steps = at_once,
              .batch = rows,
              .inputs = pointers,
              .output = output.data() + output.size() / c.steps * step,
              .state = state.data(),
              .scratch = scratch.data()});
  }
  return unpacked(output, c.output.format.dtype);
}

}  // namespace

std::vector<GoldenForm> golden_forms(const GoldenOperator& c) {
  std::vector<GoldenForm> forms{GoldenForm::window};
  if (c.steps > 1 && find_operator(c.op).integer.kind != IntegerForm::Kind::window) forms.push_back(GoldenForm::steps);
  if (c.batch > 1) forms.push_back(GoldenForm::rows);
  return forms;
}

std::vector<GoldenOperator> golden_widths(const GoldenOperator& c) {
  std::vector<GoldenOperator> out{c};
  if (c.any_width && c.inputs[0].format.dtype == DType::i8) out.emplace_back(c).inputs[0].format.dtype = DType::i16;
  return out;
}

std::vector<int64_t> run_golden(const GoldenOperator& c, GoldenForm form, Isa isa) {
  const ForcedIsa forced(isa);
  c.precision.validate(c.op);
  PrepareCall call{.attributes = &c.attributes};
  for (const GoldenTensor& t : c.inputs) {
    call.inputs.push_back(t.format);
    call.input_types.push_back({t.format.dtype, t.channels});
  }
  call.output = c.output.format;
  call.output_type = {c.output.format.dtype, c.output.channels};
  call.constants = c.constants;
  call.precision = c.precision;
  call.lead_axes = c.sequence ? 2 : 1;
  const auto node = find_operator(c.op).integer.prepare(call);
  if (form != GoldenForm::rows) return run_rows(*node, c, 0, c.batch, form == GoldenForm::window ? c.steps : 1);
  std::vector<int64_t> out(static_cast<size_t>(c.rows() * c.output.channels.size()));
  const int64_t width = c.output.channels.size();
  for (int64_t row = 0; row < c.batch; ++row) {
    const std::vector<int64_t> alone = run_rows(*node, c, row, 1, c.steps);
    for (int64_t step = 0; step < c.steps; ++step)
      std::copy_n(alone.begin() + step * width, width, out.begin() + (step * c.batch + row) * width);
  }
  return out;
}

}  // namespace quantick::runtime
