#include "quantick/cli/compare_config.h"

#include <algorithm>

#include "quantick/core/file.h"

namespace quantick::cli {
namespace {

const std::vector<std::string> kFileKeys{"name",     "output",     "seed",      "train",
                                         "quantize", "evaluation", "data_sets", "models"};
const std::vector<std::string> kDataSetKeys{"name", "data", "dataset", "train", "evaluation", "models"};
const std::vector<std::string> kModelKeys{"name", "class", "kwargs", "train", "quantize"};

void check_keys(const ConfigNode& node, const std::vector<std::string>& known) {
  if (node.kind != ConfigNode::Kind::map) refuse_node(node, "a map of keys and values");
  for (const auto& [key, child] : node.entries)
    if (std::find(known.begin(), known.end(), key) == known.end()) refuse_key(child, key, known);
}

const ConfigNode& require(const ConfigNode& node, const char* key) {
  const ConfigNode* found = node.find(key);
  if (found == nullptr) fail<ParseError>("{}:{}: no key \"{}\", which is needed", node.file, node.line, key);
  return *found;
}

const std::vector<ConfigNode>& items_of(const ConfigNode& root, const char* key,
                                        const std::vector<std::string>& known) {
  const ConfigNode& list = require(root, key);
  if (list.kind != ConfigNode::Kind::list || list.items.empty()) refuse_node(list, "a list");
  for (const ConfigNode& item : list.items) check_keys(item, known);
  return list.items;
}

std::string text_of(const ConfigNode& node) {
  std::string text;
  read_node(node, text);
  return text;
}

std::string name_of_model(const ConfigNode& model) {
  const ConfigNode* name = model.find("name");
  return text_of(name != nullptr ? *name : require(model, "class"));
}

/// A node that says `text` where `like` stands.
ConfigNode scalar_like(const ConfigNode& like, const std::string& text) {
  ConfigNode out = like;
  out.kind = ConfigNode::Kind::scalar;
  out.scalar = text;
  out.items.clear();
  out.entries.clear();
  return out;
}

/// The section `key` of several maps in one: later ones win, entry by entry.
void add_merged(ConfigNode& run, const char* key, std::initializer_list<const ConfigNode*> owners) {
  ConfigNode merged;
  for (const ConfigNode* owner : owners) {
    const ConfigNode* section = owner->find(key);
    if (section == nullptr) continue;
    if (section->kind != ConfigNode::Kind::map) refuse_node(*section, "a map of keys and values");
    if (merged.kind == ConfigNode::Kind::null) {
      merged = *section;
      continue;
    }
    merged.line = section->line;
    for (const auto& entry : section->entries) {
      const auto same = std::find_if(merged.entries.begin(), merged.entries.end(),
                                     [&](const auto& other) { return other.first == entry.first; });
      if (same == merged.entries.end())
        merged.entries.push_back(entry);
      else
        same->second = entry.second;
    }
  }
  if (merged.kind == ConfigNode::Kind::map) run.entries.emplace_back(key, merged);
}

/// The run file of a pair.
ConfigNode run_of(const ConfigNode& root, const ConfigNode& set, const ConfigNode& model, const std::string& name,
                  const std::string& output) {
  ConfigNode run;
  run.kind = ConfigNode::Kind::map;
  run.file = root.file;
  run.line = model.line;
  run.entries = {{"name", scalar_like(model, name)}, {"output", scalar_like(model, output + "/" + name)}};
  if (const ConfigNode* seed = root.find("seed")) run.entries.emplace_back("seed", *seed);
  run.entries.emplace_back("data", require(set, "data"));
  run.entries.emplace_back("dataset", require(set, "dataset"));
  ConfigNode chosen = model;
  std::erase_if(chosen.entries, [](const auto& entry) { return entry.first != "class" && entry.first != "kwargs"; });
  run.entries.emplace_back("model", chosen);
  add_merged(run, "train", {&root, &set, &model});
  add_merged(run, "quantize", {&root, &model});
  add_merged(run, "evaluation", {&root, &set});
  return run;
}

}  // namespace

CompareConfig read_compare_config(const std::string& path) {
  const ConfigNode root = parse_config(read_file(path), path);
  check_keys(root, kFileKeys);
  CompareConfig out{.name = text_of(require(root, "name")), .output = "", .pairs = {}};
  const ConfigNode* output = root.find("output");
  out.output = output != nullptr ? text_of(*output) : "out/" + out.name;
  const auto& models = items_of(root, "models", kModelKeys);
  std::vector<std::string> names;
  for (const ConfigNode& model : models) {
    names.push_back(name_of_model(model));
    if (std::count(names.begin(), names.end(), names.back()) > 1)
      refuse_node(scalar_like(model, names.back()), "a name that no other model has");
  }
  for (const ConfigNode& set : items_of(root, "data_sets", kDataSetKeys)) {
    const std::string set_name = text_of(require(set, "name"));
    std::vector<std::string> wanted = names;
    if (const ConfigNode* list = set.find("models")) {
      read_node(*list, wanted);
      for (size_t i = 0; i < wanted.size(); ++i)
        if (std::find(names.begin(), names.end(), wanted[i]) == names.end())
          refuse_node(list->kind == ConfigNode::Kind::list ? list->items[i] : *list, "the name of a model");
    }
    for (size_t m = 0; m < models.size(); ++m) {
      if (std::find(wanted.begin(), wanted.end(), names[m]) == wanted.end()) continue;
      const std::string name = set_name + "_" + names[m];
      for (const ComparePair& pair : out.pairs)
        if (pair.run.name == name) refuse_node(require(set, "name"), "a name that no other data set has");
      out.pairs.push_back({set_name, names[m], read_run_config(run_of(root, set, models[m], name, out.output))});
    }
  }
  return out;
}

std::string compare_config_help() {
  return "compare file:\n"
         "  name, output, seed       as in a run file\n"
         "  train, quantize, evaluation\n"
         "                           as in a run file, for every pair; data sets and models may say otherwise\n"
         "  data_sets                list of {name, data, dataset, train, evaluation, models}: data and dataset as in\n"
         "                           a run file, models the names of those to try [all]\n"
         "  models                   list of {name, class, kwargs, train, quantize}\n"
         "`quantick run --help` explains the sections.\n";
}

}  // namespace quantick::cli
