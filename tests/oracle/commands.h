#pragma once
// What quantick_oracle answers to, beside what stands in oracle_main.cc.
#include "tests/oracle/json_array.h"

namespace quantick::oracle {

/// {"name", "attributes"?, "inputs": [array or null]} -> the outputs that users see.
Json run_operator(const Json& in);

/// {"sessions": [{"values": {name: array}, "calls": [{"name", "attributes"?, "inputs": [name or null], "outputs":
/// [name]}], "results": [name]}]} -> per session {name: array}, or {"error": text} where a call was refused.
Json run_sessions(const Json& in);

/// One node of a fixed-bits program, lowered from float parameters and run on every instruction set: {"name",
/// "attributes"?, "lead_axes", "inputs": [array of codes or floats], "formats": [format], "parameters": [array or
/// null], "output": format, "precision"?} -> {"constants": {name: array}, "outputs": {isa: array}}. A format is
/// {"dtype", "scale", "zero_point"}. Leading axes are steps and batch, or batch.
Json run_lowered(const Json& in);

/// {"file", "price_step"?, "features": [specification], "quotes"?, "label_ticks" or "label_seconds"} -> {"names",
/// "values": [events * features], "times", "ticks": [bool], "label_rows", "labels", "dropped"}; null for no value.
Json run_ticks(const Json& in);

/// LSTM, newest step, Dense(1) with parameters from a file, quantized in one call: {"safetensors", "hidden_size",
/// "num_layers", "x", "calibration"?} -> {"identity", "float": array, "quantized": array}. Without calibration data:
/// dynamic.
Json run_quantized_network(const Json& in);

}  // namespace quantick::oracle
