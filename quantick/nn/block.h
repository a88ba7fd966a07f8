#pragma once
// Block: a layer or a whole network, in the manner of Gluon's HybridBlock.
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "quantick/graph/graph.h"
#include "quantick/nn/parameter.h"

namespace quantick::nn {

/// Inert marks on a block that the quant room reads: quantization = true asks for it, exclude keeps the layer float.
struct QuantizationMark {
  bool enabled = false;
  bool excluded = false;
};

/// Subclasses register parameters and children in their constructor and implement forward(). Blocks are moved, not
/// copied; copies of one network come from save_parameters/load_parameters.
class Block {
 public:
  Block();
  virtual ~Block();
  Block(Block&&) noexcept;
  Block& operator=(Block&&) noexcept;

  /// Class name in lower case: "dense", "lstm".
  virtual std::string kind() const = 0;
  /// Computes the outputs. Called with all parameters initialized (infer_shapes has run).
  virtual Arrays forward(const Arrays& inputs) = 0;
  /// Completes open parameter shapes from the inputs' types. Default: nothing to do.
  virtual void infer_shapes(const Types& inputs);

  /// Runs infer_shapes and forward; through the cached graph when hybridized.
  Arrays operator()(const Arrays& inputs);
  Array operator()(const Array& input);

  /// All parameters of this block and its children; names are paths "0.weight", "lstm.l0_i2h_weight" (Gluon's).
  std::vector<std::pair<std::string, Parameter>> collect_params() const;
  /// Key(seed).fold(path) feeds each parameter, so adding a layer does not change the others.
  void initialize(const InitializerPtr& init = uniform(), uint64_t seed = 0, bool force_reinit = false);
  void zero_grad();
  /// safetensors file. Throws on missing, surplus or mis-shaped parameters, naming them all.
  void save_parameters(const std::string& path) const;
  void load_parameters(const std::string& path);
  /// From the next call on, trace once per input signature and training mode, then run the static graph: same bits.
  void hybridize(bool active = true);
  /// Traces forward in inference mode on zeros of these types (a fresh graph, dead nodes removed).
  graph::Graph trace(const Types& inputs);
  int64_t parameter_count() const;
  /// Table of layers with output shapes and parameter counts, as Gluon's summary().
  std::string summary(const Types& inputs);

  QuantizationMark& quantization() { return mark_; }
  const QuantizationMark& quantization() const { return mark_; }
  const std::vector<std::pair<std::string, Block*>>& children() const { return children_; }

 protected:
  Parameter& register_parameter(const std::string& name, Shape shape, InitializerPtr init);
  /// Child blocks are members or owned elsewhere in the subclass; they must outlive this block's calls and not move.
  void register_child(const std::string& name, Block& child);

 private:
  struct CachedGraphs;
  std::vector<std::pair<std::string, std::unique_ptr<Parameter>>> parameters_;
  std::vector<std::pair<std::string, Block*>> children_;
  std::unique_ptr<CachedGraphs> cache_;
  QuantizationMark mark_;
  bool hybridized_ = false;
};

}  // namespace quantick::nn
