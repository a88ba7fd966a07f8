#include "bench/own.h"

#include <algorithm>

#include "quantick/core/error.h"
#include "quantick/quant/quantizer.h"

namespace quantick::bench {
namespace {

/// Weights of one matrix.
struct Weights {
  double bytes = 0, elements = 0;
  double repeats = 1;  ///< products with other inputs in one step
  double planes = 0;   ///< bytes of what they are multiplied with; 0: not integers
  double fresh = 1;    ///< share of them that waits for the newest features
  bool recurrent = false;
};

std::vector<Weights> weights_of(const runtime::Program& program) {
  std::vector<Weights> all;
  for (const runtime::ProgramNode& node : program.nodes) {
    double taps = 1;
    for (const NamedArray& constant : node.constants)
      if (constant.name == "taps") taps = constant.value.item();
    for (const NamedArray& constant : node.constants) {
      const bool recurrent = constant.name == "wh";
      if (!recurrent && constant.name != "wx" && constant.name != "weight") continue;
      const Array& value = constant.value;
      const double packed = value.dtype() == DType::u8 ? 2 : 1;  // 4-bit weights lie in pairs
      const bool integers = value.dtype() == DType::u8 || value.dtype() == DType::i8;
      const runtime::ProgramValue& input = program.values[static_cast<size_t>(node.inputs[0])];
      Weights w;
      w.bytes = static_cast<double>(value.size() * dtype_size(value.dtype()));
      w.elements = packed * static_cast<double>(value.size());
      w.recurrent = recurrent;
      w.fresh = recurrent ? 0 : 1 / taps;
      if (constant.name == "weight")
        w.repeats =
            static_cast<double>(input.channels.size()) * taps / (packed * static_cast<double>(value.shape()[1]));
      if (integers)
        w.planes = recurrent ? static_cast<double>(node.precision.hidden_bits) / 8
                             : static_cast<double>(dtype_size(input.format.dtype));
      all.push_back(w);
    }
  }
  return all;
}

}  // namespace

std::vector<std::string> own_contenders(const WorkloadSpec& spec) {
  if (spec.kind == Kind::lstm || spec.kind == Kind::book) return {"int8", "int8_h8", "int4", "bf16", "f32"};
  return {"int8", "int4", "bf16", "f32"};
}

OwnProgram own_program(Workload& workload, const std::string& contender) {
  quant::QuantizationConfig config;
  if (contender == "int8_h8") config.tensors = {{"*.hidden", "int8"}};
  if (contender == "int4") config.quantized_dtype = "int4";
  if (contender == "f32" || contender == "bf16") {
    config.layers = {{.match = "*", .method = "float32"}};
    config.input_dtype = "float32";
  }
  if (contender == "bf16") config.tensors = {{"*.weight", "bf16"}};
  return {contender, quant::quantize_net(*workload.net, config, workload.calibration).program};
}

Work step_work(const runtime::Program& program) {
  Work work;
  for (const Weights& w : weights_of(program)) {
    work.bytes += w.bytes;
    work.byte_products += w.elements * w.repeats * w.planes;
    work.products += w.elements * w.repeats;
  }
  return work;
}

Work event_work(const runtime::Program& program) {
  Work work;
  for (const Weights& w : weights_of(program)) {
    work.bytes += w.bytes * w.fresh;
    work.byte_products += w.elements * w.repeats * w.planes * w.fresh;
    work.products += w.elements * w.repeats * w.fresh;
  }
  return work;
}

Work window_work(const runtime::Program& program, int64_t steps, int64_t rows) {
  // Layers go through the window one after the other, so that each one's weights stay near.
  double recurrent = 0;
  Work work;
  for (const Weights& w : weights_of(program)) {
    if (w.recurrent) recurrent += w.bytes, work.bytes = std::max(work.bytes, w.bytes);
    work.byte_products += w.elements * w.repeats * w.planes * static_cast<double>(steps * rows);
    work.products += w.elements * w.repeats * static_cast<double>(steps * rows);
  }
  if (recurrent > 0) work.passes = static_cast<double>(steps) * recurrent / work.bytes;
  return work;
}

OwnStepper::OwnStepper(const runtime::Program& program, const WorkloadSpec& spec)
    : stream_(program, {.instruments = spec.rows}),
      in_(static_cast<size_t>(spec.rows * spec.columns)),
      out_(static_cast<size_t>(spec.rows * spec.outputs)) {
  stream_.warm_up();
}

void OwnStepper::step(const float* features, float* out) {
  QTK_ASSERT(stream_.step({features, in_}, {out, out_}).ok());
}

}  // namespace quantick::bench
