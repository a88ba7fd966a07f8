#include "quantick/train/checkpoint.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "quantick/core/error.h"
#include "quantick/nn/safetensors.h"

namespace quantick::train {
namespace {

using Json = nlohmann::ordered_json;

/// Version of the file's layout.
constexpr int kVersion = 1;
constexpr const char* kKey = "quantick_checkpoint";

/// nlohmann writes a NaN as null.
double number(const Json& json) {
  return json.is_null() ? std::numeric_limits<double>::quiet_NaN() : json.get<double>();
}

template <class T>
void read(const Json& json, T& value) {
  if constexpr (std::is_same_v<T, double>)
    value = number(json);
  else
    value = json.get<T>();
}

Json state_json(const TrainState& state) {
  Json json = {{"epoch", state.epoch},
               {"step_of_epoch", state.step_of_epoch},
               {"step", state.step},
               {"loss_sum", state.loss_sum},
               {"samples", state.samples},
               {"last_learning_rate", state.last_learning_rate},
               {"best", state.best},
               {"best_epoch", state.best_epoch},
               {"waited", state.waited},
               {"finished", state.finished},
               {"stopped_early", state.stopped_early},
               {"stop_reason", state.stop_reason},
               {"epochs", Json::array()}};
  for (const EpochRecord& record : state.epochs) {
    Json row;
    for_each_field(record,
                   [&](std::string_view name, const auto& value, std::string_view) { row[std::string(name)] = value; });
    json["epochs"].push_back(row);
  }
  return json;
}

TrainState state_from(const Json& json) {
  TrainState state;
  read(json.at("epoch"), state.epoch);
  read(json.at("step_of_epoch"), state.step_of_epoch);
  read(json.at("step"), state.step);
  read(json.at("loss_sum"), state.loss_sum);
  read(json.at("samples"), state.samples);
  read(json.at("last_learning_rate"), state.last_learning_rate);
  read(json.at("best"), state.best);
  read(json.at("best_epoch"), state.best_epoch);
  read(json.at("waited"), state.waited);
  read(json.at("finished"), state.finished);
  read(json.at("stopped_early"), state.stopped_early);
  read(json.at("stop_reason"), state.stop_reason);
  for (const Json& row : json.at("epochs")) {
    EpochRecord record;
    for_each_field(
        record, [&](std::string_view name, auto& value, std::string_view) { read(row.at(std::string(name)), value); });
    state.epochs.push_back(record);
  }
  return state;
}

void check_identity(const TrainIdentity& saved, const TrainIdentity& wanted, const std::string& path) {
  std::vector<std::string> differences;
  for (const auto& [name, value] : wanted) {
    const auto found = saved.find(name);
    const std::string was = found == saved.end() ? "nothing" : found->second;
    if (was != value) differences.push_back(fmt::format("{} was {} and is {}", name, was, value));
  }
  QTK_CHECK(differences.empty(), ValueError,
            "[train] checkpoint {} belongs to another training: {}; remove it, or name another file", path,
            fmt::join(differences, "; "));
}

/// Parameters that the optimizer has states for, in its order.
std::vector<std::string> trained_names(const nn::Block& net) {
  std::vector<std::string> names;
  for (const auto& [name, parameter] : net.collect_params())
    if (parameter.wants_grad()) names.push_back(name);
  return names;
}

}  // namespace

void save_checkpoint(const std::string& path, const nn::Block& net, const optim::Optimizer& optimizer,
                     const TrainState& state, const TrainIdentity& identity) {
  std::vector<nn::NamedTensor> tensors;
  size_t index = 0;
  for (const auto& [name, parameter] : net.collect_params()) {
    tensors.push_back({"parameter." + name, parameter.data()});
    if (!state.best_weights.empty()) tensors.push_back({"best." + name, state.best_weights[index]});
    ++index;
  }
  const auto names = trained_names(net), states = optimizer.state_names();
  for (size_t i = 0; i < optimizer.states().size(); ++i)
    for (size_t s = 0; s < states.size(); ++s)
      tensors.push_back({"optimizer." + states[s] + "." + names[i], optimizer.states()[i][s]});
  Json header = {{"version", kVersion}, {"optimizer_steps", optimizer.steps()}};
  header["identity"] = identity;
  header["state"] = state_json(state);
  nn::save_safetensors(path, tensors, {{kKey, header.dump()}});
}

TrainState load_checkpoint(const std::string& path, nn::Block& net, optim::Optimizer& optimizer,
                           const TrainIdentity& identity) {
  nn::Metadata metadata;
  const auto tensors = nn::load_safetensors(path, &metadata);
  QTK_CHECK(metadata.contains(kKey), FormatError, "[train] {} is not a training checkpoint", path);
  TrainState state;
  int64_t optimizer_steps = 0;
  TrainIdentity saved;
  try {
    const Json header = Json::parse(metadata.at(kKey));
    QTK_CHECK(header.at("version") == kVersion, FormatError, "[train] {}: checkpoint version, was {}, expected {}",
              path, header.at("version").dump(), kVersion);
    saved = header.at("identity").get<TrainIdentity>();
    optimizer_steps = header.at("optimizer_steps").get<int64_t>();
    state = state_from(header.at("state"));
  } catch (const nlohmann::json::exception& error) {
    fail<FormatError>("[train] {}: checkpoint header is not valid: {}", path, error.what());
  }
  check_identity(saved, identity, path);

  std::vector<nn::NamedTensor> parameters;
  std::map<std::string, Array> rest;
  for (const auto& tensor : tensors) {
    constexpr std::string_view prefix = "parameter.";
    if (tensor.name.starts_with(prefix))
      parameters.push_back({tensor.name.substr(prefix.size()), tensor.value});
    else
      rest.emplace(tensor.name, tensor.value);
  }
  const auto take = [&](const std::string& name) {
    const auto found = rest.find(name);
    QTK_CHECK(found != rest.end(), FormatError, "[train] {}: checkpoint lacks {}", path, name);
    return found->second;
  };
  if (state.best_epoch > 0)
    for (const auto& [name, parameter] : net.collect_params()) state.best_weights.push_back(take("best." + name));
  std::vector<Arrays> states;
  if (optimizer_steps > 0) {
    for (const std::string& name : trained_names(net)) {
      Arrays of_parameter;
      for (const std::string& kind : optimizer.state_names())
        of_parameter.push_back(take("optimizer." + kind + "." + name));
      states.push_back(std::move(of_parameter));
    }
  }
  nn::assign_parameters(net, parameters, path);
  optimizer.restore(optimizer_steps, states);
  return state;
}

}  // namespace quantick::train
