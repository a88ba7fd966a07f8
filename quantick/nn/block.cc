#include "quantick/nn/block.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_set>

#include "quantick/autograd/autograd.h"
#include "quantick/core/error.h"
#include "quantick/nn/safetensors.h"

namespace quantick::nn {
namespace {

/// > 0 while a block of this thread is being traced: then nested blocks run their operators one by one.
thread_local int trace_depth = 0;

struct TraceDepth {
  TraceDepth() { ++trace_depth; }
  ~TraceDepth() { --trace_depth; }
};

struct SummaryRow {
  std::string path, kind, outputs;
  int64_t parameters = 0;
  int depth = 0;
};

/// Collects one row per block call for Block::summary.
struct SummaryCollector {
  std::vector<SummaryRow> rows;
  std::vector<std::string> path;
};
thread_local SummaryCollector* summary_collector = nullptr;

struct SummaryScope {
  explicit SummaryScope(SummaryCollector& collector) { summary_collector = &collector; }
  ~SummaryScope() { summary_collector = nullptr; }
};

int64_t known_elements(const Parameter& parameter) { return parameter.shape().size(); }

Types types_of(const Arrays& arrays) {
  Types types;
  for (const Array& array : arrays) types.push_back(array.type());
  return types;
}

}  // namespace

struct Block::CachedGraphs {
  struct Entry {
    Types inputs;
    bool training;
    std::shared_ptr<const graph::Graph> graph;
  };
  using Parameters = std::vector<uint64_t>;  ///< ids of the arrays that the graphs hold

  /// forward() may change its own block, and so forget the graphs while one of them is made or runs.
  void forget() {
    const std::lock_guard lock(guard);
    entries.clear();
  }
  std::shared_ptr<const graph::Graph> find(const Types& inputs, bool training, const Parameters& now) {
    const std::lock_guard lock(guard);
    if (parameters != now) {  // set_grad_req and cast make new arrays
      entries.clear();
      parameters = now;
    }
    for (const Entry& entry : entries)
      if (entry.training == training && entry.inputs == inputs) return entry.graph;
    return nullptr;
  }
  void keep(Entry entry, const Parameters& held) {
    const std::lock_guard lock(guard);
    if (parameters == held) entries.push_back(std::move(entry));
  }

  std::recursive_mutex calls;  ///< held while the block runs: another thread's call waits
  std::mutex guard;            ///< of what follows
  std::vector<Entry> entries;
  Parameters parameters;
};

Block::Block() : cache_(std::make_unique<CachedGraphs>()) {}
Block::~Block() = default;
Block::Block(Block&&) noexcept = default;
Block& Block::operator=(Block&&) noexcept = default;

void Block::infer_shapes(const Types&) {}

void Block::check_name(const std::string& name) const {
  QTK_CHECK(!name.empty() && name.find_first_of(std::string_view(".\0", 2)) == std::string::npos, ValueError,
            "[block] name of a child or parameter, was \"{}\", expected one without dots", name);
  const auto taken = [&](const auto& entry) { return entry.first == name; };
  QTK_CHECK(std::none_of(parameters_.begin(), parameters_.end(), taken) &&
                std::none_of(children_.begin(), children_.end(), taken),
            ValueError, "[block] name \"{}\" is taken already", name);
}

bool Block::holds(const Block* block) const {
  return this == block ||
         std::any_of(children_.begin(), children_.end(), [&](const auto& entry) { return entry.second->holds(block); });
}

Block& Block::add_shared_child(const std::string& name, std::shared_ptr<Block> child) {
  QTK_CHECK(child != nullptr, ValueError, "[block] child \"{}\", was null, expected a block", name);
  QTK_CHECK(!child->holds(this), ValueError, "[block] child \"{}\" is the block itself or holds it", name);
  const auto same = std::find_if(children_.begin(), children_.end(), [&](const auto& e) { return e.first == name; });
  if (same == children_.end()) check_name(name);
  child->name_ = name;
  cache_->forget();
  if (same == children_.end()) return *children_.emplace_back(name, std::move(child)).second;
  return *(same->second = std::move(child));
}

void Block::add_parameter(const std::string& name, const Parameter& parameter) {
  const auto same =
      std::find_if(parameters_.begin(), parameters_.end(), [&](const auto& e) { return e.first == name; });
  if (same == parameters_.end()) check_name(name);
  cache_->forget();
  if (same == parameters_.end())
    parameters_.emplace_back(name, parameter);
  else
    same->second = parameter;
}

void Block::remove(const std::string& name) {
  const auto named = [&](const auto& entry) { return entry.first == name; };
  if (std::erase_if(children_, named) + std::erase_if(parameters_, named) > 0) cache_->forget();
}

std::string Block::next_name() const {
  int64_t next = 0;
  for (const auto& [name, child] : children_) {
    const bool number = name.size() < 18 && name.find_first_not_of("0123456789") == std::string::npos;
    if (number) next = std::max<int64_t>(next, std::stoll(name) + 1);
  }
  return std::to_string(next);
}

void Block::add_hook(std::shared_ptr<CallHook> hook) {
  const std::lock_guard call(cache_->calls);
  hooks_.push_back(std::move(hook));
}

bool Block::has_hooks_inside() const {
  return std::any_of(children_.begin(), children_.end(), [](const auto& entry) {
    const auto& hooks = entry.second->hooks_;
    return std::any_of(hooks.begin(), hooks.end(), [](const auto& hook) { return hook->active(); }) ||
           entry.second->has_hooks_inside();
  });
}

Parameter Block::register_parameter(const std::string& name, const Shape& shape, InitializerPtr initializer) {
  check_name(name);
  parameters_.emplace_back(name, Parameter(name, shape, std::move(initializer)));
  return parameters_.back().second;
}

Arrays Block::operator()(const Arrays& inputs) {
  const std::lock_guard call(cache_->calls);
  std::optional<graph::LayerScope> scope;
  if (!name_.empty()) scope.emplace(name_);
  for (const Array& input : inputs) QTK_CHECK(input.defined(), ValueError, "[{}] input is an undefined array", kind());
  if (trace_depth > 0 || summary_collector != nullptr) {
    Arrays outputs = run_imperative(inputs);
    last_input_types_ = types_of(inputs);
    return outputs;
  }
  std::erase_if(hooks_, [](const auto& hook) { return !hook->active(); });
  const auto hooks = hooks_;  // which they may change
  for (const auto& hook : hooks) hook->before(*this, inputs);
  Arrays outputs = hybridized_ && !has_hooks_inside() ? run_cached(inputs) : run_imperative(inputs);
  for (const auto& hook : hooks) hook->after(*this, inputs, outputs);
  last_input_types_ = types_of(inputs);
  return outputs;
}

Array Block::operator()(const Array& input) { return (*this)(Arrays{input}).at(0); }

Arrays Block::run_imperative(const Arrays& inputs) {
  infer_shapes(types_of(inputs));
  for (const auto& [name, parameter] : parameters_) parameter.data();  // throws where one is not initialized
  SummaryCollector* const collector = summary_collector;
  if (collector == nullptr) return forward(inputs);

  const int depth = static_cast<int>(collector->path.size());
  collector->path.push_back(name_);
  const size_t row = collector->rows.size();
  std::string path;
  for (const std::string& part : collector->path)
    if (!part.empty()) path += (path.empty() ? "" : ".") + part;
  collector->rows.push_back({path, kind(), "", 0, depth});
  Arrays outputs = forward(inputs);
  SummaryRow& filled = collector->rows[row];
  for (const Array& output : outputs) filled.outputs += (filled.outputs.empty() ? "" : ", ") + output.shape().text();
  for (const auto& [name, parameter] : parameters_) filled.parameters += known_elements(parameter);
  collector->path.pop_back();
  return outputs;
}

void Block::complete_parameters(const Arrays& inputs) {
  const auto all = collect_params();
  const bool complete =
      std::all_of(all.begin(), all.end(), [](const auto& entry) { return entry.second.initialized(); });
  if (complete) return;
  // Open shapes are found by one imperative run; outside training mode, so that it draws no dropout masks.
  const autograd::Pause pause;
  const TraceDepth nested;
  run_imperative(inputs);
}

Arrays Block::run_cached(const Arrays& inputs) {
  complete_parameters(inputs);
  const Types types = types_of(inputs);
  const bool training = autograd::is_training();
  std::vector<graph::NamedParameter> named;
  CachedGraphs::Parameters ids;
  for (const auto& [name, parameter] : collect_params()) {
    named.push_back({name, parameter.data()});
    ids.push_back(parameter.data().id());
  }
  if (const auto known = cache_->find(types, training, ids)) return known->run(inputs);

  Arrays outputs;
  graph::Graph graph;
  {
    const TraceDepth nested;
    graph = graph::trace(
        [this](std::span<const Array> in) {
          return run_imperative({in.begin(), in.end()});
        },
        inputs, named, &outputs);
  }
  cache_->keep({types, training, std::make_shared<const graph::Graph>(std::move(graph))}, ids);
  return outputs;
}

graph::Graph Block::trace(const Types& inputs) {
  const std::lock_guard call(cache_->calls);
  Arrays zeros;
  for (const TensorType& type : inputs) zeros.push_back(Array::zeros(type.shape, type.dtype));
  const autograd::Pause pause;
  complete_parameters(zeros);
  std::vector<graph::NamedParameter> named;
  for (const auto& [name, parameter] : collect_params()) named.push_back({name, parameter.data()});
  const TraceDepth nested;
  return graph::trace(
             [this](std::span<const Array> in) {
               return run_imperative({in.begin(), in.end()});
             },
             zeros, named)
      .without_dead_nodes();
}

void Block::collect(const std::string& prefix, std::vector<std::pair<std::string, Parameter>>& out) const {
  for (const auto& [name, parameter] : parameters_) out.emplace_back(prefix + name, parameter);
  for (const auto& [name, child] : children_) child->collect(prefix + name + ".", out);
}

std::vector<std::pair<std::string, Parameter>> Block::all_paths() const {
  std::vector<std::pair<std::string, Parameter>> out;
  collect("", out);
  return out;
}

std::vector<std::pair<std::string, Parameter>> Block::collect_params() const {
  auto out = all_paths();
  std::unordered_set<const void*> seen;
  std::erase_if(out, [&](const auto& entry) { return !seen.insert(entry.second.identity()).second; });
  return out;
}

void Block::initialize(const InitializerPtr& init, uint64_t seed, bool force_reinit) {
  const Key key(seed);
  for (auto& [path, parameter] : collect_params()) parameter.initialize(init, key.fold(path), force_reinit);
}

void Block::zero_grad() {
  for (auto& [path, parameter] : collect_params()) parameter.zero_grad();
}

void Block::cast(DType dtype) {
  cache_->forget();
  for (auto& [path, parameter] : collect_params()) parameter.cast(dtype);
}

void Block::hybridize(bool active) {
  hybridized_ = active;
  cache_->forget();
}

int64_t Block::parameter_count() const {
  int64_t count = 0;
  for (const auto& [path, parameter] : collect_params()) count += known_elements(parameter);
  return count;
}

void Block::save_parameters(const std::string& path, bool deduplicate) const {
  std::vector<NamedTensor> tensors;
  std::vector<std::string> empty;
  for (const auto& [name, parameter] : deduplicate ? collect_params() : all_paths()) {
    if (parameter.initialized())
      tensors.push_back({name, parameter.data()});
    else
      empty.push_back(name);
  }
  QTK_CHECK(empty.empty(), ValueError,
            "[{}] parameters without values: {}; call initialize() and run a forward pass before saving", kind(),
            fmt::join(empty, ", "));
  save_safetensors(path, tensors);
}

void Block::load_parameters(const std::string& path) { assign_parameters(*this, load_safetensors(path), path); }

void assign_parameters(Block& block, const std::vector<NamedTensor>& tensors, const std::string& source) {
  auto parameters = block.all_paths();
  std::vector<std::string> problems;
  std::vector<std::pair<Parameter*, const Array*>> pairs;
  const auto tensor_of = [&](const std::string& name) {
    return std::find_if(tensors.begin(), tensors.end(), [&](const auto& t) { return t.name == name; });
  };
  // One path of a shared parameter is enough.
  std::unordered_set<const void*> given_somewhere;
  for (const auto& [name, parameter] : parameters)
    if (tensor_of(name) != tensors.end()) given_somewhere.insert(parameter.identity());
  for (auto& [name, parameter] : parameters) {
    const auto found = tensor_of(name);
    if (found == tensors.end()) {
      if (!given_somewhere.contains(parameter.identity())) problems.push_back("missing " + name);
      continue;
    }
    const Shape& wanted = parameter.shape();
    const Shape& given = found->value.shape();
    bool fits = wanted.ndim() == given.ndim();
    for (int axis = 0; fits && axis < wanted.ndim(); ++axis) fits = wanted[axis] == 0 || wanted[axis] == given[axis];
    if (!fits)
      problems.push_back(fmt::format("{} has shape {}, expected {}", name, given.text(), wanted.text()));
    else if (!is_float(found->value.dtype()))
      problems.push_back(fmt::format("{} has dtype {}, expected a float", name, dtype_name(found->value.dtype())));
    else
      pairs.emplace_back(&parameter, &found->value);
  }
  for (const NamedTensor& tensor : tensors) {
    const auto known = [&](const auto& entry) { return entry.first == tensor.name; };
    if (std::none_of(parameters.begin(), parameters.end(), known)) problems.push_back("surplus " + tensor.name);
  }
  QTK_CHECK(problems.empty(), ValueError, "[{}] {} does not fit this network: {}", block.kind(), source,
            fmt::join(problems, "; "));
  for (auto& [parameter, value] : pairs) parameter->set_data(*value);
}

std::string Block::summary(const Types& inputs) {
  const std::lock_guard call(cache_->calls);
  Arrays zeros;
  for (const TensorType& type : inputs) zeros.push_back(Array::zeros(type.shape, type.dtype));
  SummaryCollector collector;
  {
    const autograd::Pause pause;
    const SummaryScope scope(collector);
    run_imperative(zeros);
  }
  std::string out = fmt::format("{:<32} {:<28} {:>12}\n", "Layer", "Output shape", "Parameters");
  for (const SummaryRow& row : collector.rows) {
    const std::string indent(static_cast<size_t>(2 * row.depth), ' ');
    const std::string label = indent + (row.path.empty() ? row.kind : row.path + " (" + row.kind + ")");
    out += fmt::format("{:<32} {:<28} {:>12}\n", label, row.outputs, row.parameters);
  }
  return out + fmt::format("Total parameters: {}\n", parameter_count());
}

}  // namespace quantick::nn
