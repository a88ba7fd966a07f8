#pragma once
// Block: a layer or a whole network, in the manner of Gluon's HybridBlock.
//
//   class Net : public nn::Block {
//    public:
//     std::string kind() const override { return "net"; }
//     Arrays forward(const Arrays& in) override { return fc_(lstm_(in)); }
//    private:
//     nn::LSTM& lstm_ = add_child("lstm", nn::LSTM(64));
//     nn::Dense& fc_ = add_child("fc", nn::Dense(1));
//   };
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "quantick/graph/graph.h"
#include "quantick/nn/parameter.h"

namespace quantick::nn {

/// Inert marks on a block that the quant room reads: enabled asks for quantization, excluded keeps the layer float.
struct QuantizationMark {
  bool enabled = false;
  bool excluded = false;
};

class Block;

/// Sees the calls of a block that it was added to. A block that has one inside runs without its cached graph: same
/// bits.
class CallHook {
 public:
  virtual ~CallHook() = default;
  /// Once false, the hook is forgotten.
  virtual bool active() const = 0;
  virtual void before(Block& block, const Arrays& inputs) = 0;
  virtual void after(Block& block, const Arrays& inputs, const Arrays& outputs) = 0;
};

/// Subclasses register parameters and children in their constructor and implement forward(). Blocks are moved, not
/// copied; copies of one network come from save_parameters/load_parameters. A block is used by one thread at a time.
class Block {
 public:
  Block();
  virtual ~Block();
  Block(Block&&) noexcept;
  Block& operator=(Block&&) noexcept;

  /// Class name in lower case: "dense", "lstm".
  virtual std::string kind() const = 0;
  /// Computes the outputs by operator calls and children. Called with this block's own parameters complete
  /// (infer_shapes has run). Views made by Array's members are not operator calls; use quantick::reshape and the like.
  virtual Arrays forward(const Arrays& inputs) = 0;
  /// Completes open parameter shapes from the inputs' types. Default: nothing to do.
  virtual void infer_shapes(const Types& inputs);

  /// Runs infer_shapes and forward; through the cached graph when hybridized.
  Arrays operator()(const Arrays& inputs);
  /// One input, first output.
  Array operator()(const Array& input);

  /// All parameters of this block and its children; names are paths "0.weight", "lstm.l0_i2h_weight" (Gluon's). One
  /// that stands in several places is listed once, by its first path.
  std::vector<std::pair<std::string, Parameter>> collect_params() const;
  /// The same with every path of those that stand in several places.
  std::vector<std::pair<std::string, Parameter>> all_paths() const;
  /// This block's own parameters, without its children's.
  const std::vector<std::pair<std::string, Parameter>>& parameters() const { return parameters_; }
  /// Key(seed).fold(path) feeds each parameter, so adding a layer does not change the others.
  void initialize(const InitializerPtr& init = uniform(), uint64_t seed = 0, bool force_reinit = false);
  void zero_grad();
  /// float32 (default) or float64 for all parameters.
  void cast(DType dtype);
  /// safetensors file, replaced atomically. Throws ValueError for parameters without values, naming them all. Shared
  /// ones are written under each of their paths unless `deduplicate`.
  void save_parameters(const std::string& path, bool deduplicate = false) const;
  /// Throws ValueError that names all missing, surplus and mis-shaped parameters; then nothing has changed. Throws
  /// FormatError for a file that is cut or altered.
  void load_parameters(const std::string& path);
  /// From the next call on, trace once per input signature, dtype and training mode, then run the static graph: same
  /// bits. Choices that forward() makes by the values of arrays are frozen at the trace.
  void hybridize(bool active = true);
  bool hybridized() const { return hybridized_; }
  /// Traces forward in inference mode on zeros of these types (a fresh graph, dead nodes removed).
  graph::Graph trace(const Types& inputs);
  /// Types of the inputs of the last call of this block that worked, empty before the first.
  const Types& last_input_types() const { return last_input_types_; }
  /// Elements of all parameters with known shapes.
  int64_t parameter_count() const;
  /// Table of layers with output shapes and parameter counts, as Gluon's summary().
  std::string summary(const Types& inputs);

  QuantizationMark& quantization() { return mark_; }
  const QuantizationMark& quantization() const { return mark_; }
  /// Name under which the parent knows this block; "" for a root.
  const std::string& name() const { return name_; }
  const std::vector<std::pair<std::string, std::shared_ptr<Block>>>& children() const { return children_; }

  /// Takes ownership of a child; the reference stays valid when this block is moved. Throws ValueError for a name that
  /// is taken, empty or holds a dot.
  template <class B>
  B& add_child(const std::string& name, B child) {
    check_name(name);
    auto owned = std::make_shared<B>(std::move(child));
    B& reference = *owned;
    add_shared_child(name, std::move(owned));
    return reference;
  }
  /// The same for a block that someone else, a binding, also holds; it stands in the place of a child that already
  /// has the name, where there is one. Throws ValueError for a block that is this one or holds it.
  Block& add_shared_child(const std::string& name, std::shared_ptr<Block> child);
  /// A parameter of this block's own; it stands in the place of one that already has the name, where there is one.
  void add_parameter(const std::string& name, const Parameter& parameter);
  /// Forgets the child or parameter of this name, where there is one.
  void remove(const std::string& name);
  /// A name for one more child: the number behind the largest there is.
  std::string next_name() const;
  /// Hooks are not called while the block is traced or summed up.
  void add_hook(std::shared_ptr<CallHook> hook);
  const std::vector<std::shared_ptr<CallHook>>& hooks() const { return hooks_; }

 protected:
  /// `shape` may hold 0 for extents that infer_shapes completes; a null initializer means the one of initialize().
  Parameter register_parameter(const std::string& name, const Shape& shape, InitializerPtr initializer = nullptr);

 private:
  struct CachedGraphs;
  void collect(const std::string& prefix, std::vector<std::pair<std::string, Parameter>>& out) const;
  void check_name(const std::string& name) const;
  bool holds(const Block* block) const;
  bool has_hooks_inside() const;
  void complete_parameters(const Arrays& inputs);
  Arrays run_imperative(const Arrays& inputs);
  Arrays run_cached(const Arrays& inputs);

  std::string name_;
  std::vector<std::pair<std::string, Parameter>> parameters_;
  std::vector<std::pair<std::string, std::shared_ptr<Block>>> children_;
  std::vector<std::shared_ptr<CallHook>> hooks_;
  std::unique_ptr<CachedGraphs> cache_;
  QuantizationMark mark_;
  Types last_input_types_;
  bool hybridized_ = false;
};

}  // namespace quantick::nn
