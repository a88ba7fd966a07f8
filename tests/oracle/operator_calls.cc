#include <map>
#include <string>

#include "quantick/core/error.h"
#include "tests/oracle/commands.h"

namespace quantick::oracle {
namespace {

/// Outputs that users see.
Arrays call(const Json& in, const Arrays& inputs) {
  const Operator& op = find_operator(in.at("name").get<std::string>());
  Arrays outputs = invoke(op, attributes_from(in.value("attributes", Json::object())), inputs);
  outputs.resize(static_cast<size_t>(op.visible_outputs));
  return outputs;
}

Json session(const Json& in) {
  std::map<std::string, Array> values;
  for (const auto& [name, value] : in.at("values").items()) values[name] = array_from(value);
  for (const Json& step : in.at("calls")) {
    Arrays inputs;
    for (const Json& name : step.at("inputs"))
      inputs.push_back(name.is_null() ? Array() : values.at(name.get<std::string>()));
    const Arrays outputs = call(step, inputs);
    const auto names = step.at("outputs").get<std::vector<std::string>>();
    QTK_CHECK(names.size() <= outputs.size(), ValueError, "[oracle] outputs of {}, were {}, expected at most {}",
              step.at("name").get<std::string>(), names.size(), outputs.size());
    for (size_t i = 0; i < names.size(); ++i) values[names[i]] = outputs[i];
  }
  Json out = Json::object();
  for (const Json& name : in.at("results")) out[name.get<std::string>()] = json_from(values.at(name));
  return out;
}

}  // namespace

Json run_operator(const Json& in) {
  Arrays inputs;
  for (const Json& input : in.at("inputs")) inputs.push_back(input.is_null() ? Array() : array_from(input));
  Json out = Json::array();
  for (const Array& output : call(in, inputs)) out.push_back(json_from(output));
  return out;
}

Json run_sessions(const Json& in) {
  Json out = Json::array();
  for (const Json& one : in.at("sessions")) {
    try {
      out.push_back(session(one));
    } catch (const Error& error) {
      out.push_back({{"error", error.what()}});
    }
  }
  return out;
}

}  // namespace quantick::oracle
