#include "quantick/nn/block.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <thread>

#include "quantick/autograd/autograd.h"
#include "quantick/core/error_of.h"
#include "quantick/core/file.h"
#include "quantick/nn/nn.h"
#include "quantick/nn/safetensors.h"
#include "quantick/ops/ops.h"
#include "quantick/ops/random.h"

namespace quantick::nn {
namespace {

Array random(const Shape& shape, uint64_t seed, DType dtype = DType::f32) {
  Array out = Array::zeros(shape, dtype);
  normal(1)->fill(out, Key(seed));
  return out;
}

std::string temporary(const std::string& name) {
  return (std::filesystem::temp_directory_path() / fmt::format("qtk_{}_{}", ::getpid(), name)).string();
}

/// A composite with references to its children, as users write it.
class Net final : public Block {
 public:
  std::string kind() const override { return "net"; }
  Arrays forward(const Arrays& in) override { return fc_(last_(lstm_(in))); }

 private:
  LSTM& lstm_ = add_child("lstm", LSTM(3, {.num_layers = 2, .dropout = 0.5}));
  SequenceLast& last_ = add_child("last", SequenceLast());
  Dense& fc_ = add_child("fc", Dense(1));
};

TEST(Block, NamesParametersAsGluonDoes) {
  Net net;
  std::vector<std::string> names;
  for (const auto& [name, parameter] : net.collect_params()) names.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"lstm.l0_i2h_weight", "lstm.l0_h2h_weight", "lstm.l0_i2h_bias",
                                             "lstm.l0_h2h_bias", "lstm.l1_i2h_weight", "lstm.l1_h2h_weight",
                                             "lstm.l1_i2h_bias", "lstm.l1_h2h_bias", "fc.weight", "fc.bias"}));
}

TEST(Block, SharedChildrenAndParametersCanBeReplaced) {
  Sequential net;
  const auto first = std::make_shared<Dense>(3), second = std::make_shared<Dense>(5);
  net.add(first);
  net.initialize();
  EXPECT_EQ(net(Array::ones({2, 4})).shape(), (Shape{2, 3}));
  net.hybridize();
  net(Array::ones({2, 4}));
  net.add_shared_child("0", second);
  net.initialize();
  EXPECT_EQ(net(Array::ones({2, 4})).shape(), (Shape{2, 5}));
  EXPECT_EQ(net.size(), 1U);
  EXPECT_EQ(error_of([&] { net.add_child("0", Dense(2)); }), "[block] name \"0\" is taken already");

  const Parameter weight("weight", {5, 4}, ones());
  second->add_parameter("weight", weight);
  EXPECT_EQ(net.collect_params()[0].second.shape(), (Shape{5, 4}));
  EXPECT_EQ(net.collect_params().size(), 2U);
  EXPECT_TRUE(net.collect_params()[0].second.same_as(weight));
  EXPECT_FALSE(net.collect_params()[1].second.same_as(weight));

  second->remove("weight");
  net.remove("1");
  EXPECT_EQ(net.collect_params().size(), 1U);
  net.remove("0");
  EXPECT_EQ(net.size(), 0U);
}

/// Changes itself while it runs, as Python code may.
class Restless final : public Block {
 public:
  Restless() { add_child("fc", Dense(1)); }
  std::string kind() const override { return "restless"; }
  Arrays forward(const Arrays& in) override {
    hybridize();
    Block& fc = add_shared_child("fc", std::make_shared<Dense>(2));
    fc.initialize(constant(1));
    return fc(in);
  }
};

TEST(Block, MayChangeItselfWhileItIsTraced) {
  Restless net;
  net.initialize();
  net.hybridize();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(net(Array::ones({1, 2})).to_vector<float>(), (std::vector<float>{2, 2})) << i;
}

TEST(Block, CallsOfSeveralThreadsWaitForEachOther) {
  for (const bool hybrid : {false, true}) {
    Sequential net;
    net.add(Dense(64));
    net.add(Dense(8));
    net.initialize();
    net.hybridize(hybrid);
    std::array<Array, 4> out;
    std::vector<std::thread> threads;
    for (Array& own : out)
      threads.emplace_back([&net, &own, rows = static_cast<int64_t>(&own - out.data()) + 1] {
        for (int i = 0; i < 20; ++i) own = net(Array::ones({rows, 32}));
      });
    for (std::thread& thread : threads) thread.join();
    for (const Array& own : out)
      EXPECT_EQ(own.slice(0, 0, 1).to_vector<float>(), net(Array::ones({1, 32})).to_vector<float>()) << hybrid;
  }
}

TEST(Block, DoesNotHoldItself) {
  const auto outer = std::make_shared<Sequential>(), inner = std::make_shared<Sequential>();
  outer->add(inner);
  EXPECT_THROW(inner->add(outer), ValueError);
  EXPECT_THROW(inner->add(inner), ValueError);
  EXPECT_THROW(outer->add(std::shared_ptr<Block>()), ValueError);
}

TEST(Block, WorksAfterAMove) {
  Net net;
  net.initialize(xavier(), 1);
  const Array x = random({4, 2, 5}, 2);
  const Array before = net(x);
  Net moved(std::move(net));
  EXPECT_TRUE(same_bits(before, moved(x)));
  Sequential row(std::move(moved), Identity());
  EXPECT_TRUE(same_bits(before, row(x)));
  EXPECT_EQ(row.collect_params()[0].first, "0.lstm.l0_i2h_weight");
}

TEST(Block, RefusesToRunUninitialized) {
  Net net;
  EXPECT_NE(error_of<ValueError>([&] { net(random({4, 2, 5}, 2)); }).find("call initialize()"), std::string::npos);
  Dense dense(2);
  dense.initialize();
  const auto parameters = dense.collect_params();
  EXPECT_NE(error_of<ValueError>([&] { parameters[0].second.data(); }).find("run a forward pass first"),
            std::string::npos);
}

TEST(Block, RemembersTheInputsOfCallsThatWorked) {
  Dense dense(3);
  dense.initialize();
  dense(Array::zeros({5, 4}));
  EXPECT_THROW(dense(Array::zeros({2, 7})), ShapeError);
  ASSERT_EQ(dense.last_input_types().size(), 1u);
  EXPECT_EQ(dense.last_input_types()[0].shape, Shape({5, 4}));
}

TEST(Block, RefusesTakenAndDottedNames) {
  class Twice final : public Block {
   public:
    Twice() { register_parameter("weight", {2}); }
    std::string kind() const override { return "twice"; }
    Arrays forward(const Arrays& in) override { return in; }
  } block;
  EXPECT_EQ(error_of<ValueError>([&] { block.add_child("weight", Identity()); }),
            "[block] name \"weight\" is taken already");
  EXPECT_THROW(block.add_child("a.b", Identity()), ValueError);
  EXPECT_THROW(block.add_child("", Identity()), ValueError);
}

TEST(Block, AddingALayerKeepsTheOthersInitialValues) {
  Sequential small(Dense(3, {.in_units = 2}));
  Sequential large(Dense(3, {.in_units = 2}), Dense(4, {.in_units = 3}));
  small.initialize(uniform(), 5);
  large.initialize(uniform(), 5);
  EXPECT_TRUE(same_bits(small.collect_params()[0].second.data(), large.collect_params()[0].second.data()));
  EXPECT_FALSE(same_bits(large.collect_params()[0].second.data().reshape({6}),
                         large.collect_params()[2].second.data().slice(0, 0, 2).reshape({6})));
}

TEST(Block, HybridizedRunHasTheSameBitsWithGradientsAndDropout) {
  Net imperative, hybrid;
  imperative.initialize(xavier(), 7);
  hybrid.initialize(xavier(), 7);
  hybrid.hybridize();
  const Array x = random({4, 6, 5}, 3);
  for (int round = 0; round < 3; ++round) {  // the first traces, the others run the graph
    EXPECT_TRUE(same_bits(imperative(x), hybrid(x)));
    Arrays outputs;
    std::vector<Arrays> gradients;
    for (Net* net : {&imperative, &hybrid}) {
      Arrays parameters;
      for (const auto& [name, parameter] : net->collect_params()) parameters.push_back(parameter.data());
      const RandomScope random(Key(9).fold(static_cast<uint64_t>(round)));
      Array loss;
      {
        const autograd::Record record;
        outputs.push_back((*net)(x));
        loss = mean(square(outputs.back()));
      }
      gradients.push_back(autograd::gradients(loss, parameters));
    }
    EXPECT_TRUE(same_bits(outputs[0], outputs[1])) << "round " << round;
    EXPECT_FALSE(same_bits(outputs[0], imperative(x))) << "dropout did nothing";
    for (size_t i = 0; i < gradients[0].size(); ++i) {
      EXPECT_TRUE(same_bits(gradients[0][i], gradients[1][i]));
      EXPECT_GT(sum(abs(gradients[0][i])).item(), 0) << i;
    }
  }
  const Array wider = random({2, 9, 5}, 4);
  EXPECT_TRUE(same_bits(imperative(wider), hybrid(wider)));
}

TEST(Block, DropoutDrawsANewMaskAtEachCallOfTheGraph) {
  Sequential net(Dropout(0.5));
  net.hybridize();
  const Array x = Array::ones({64});
  const RandomScope random(Key(1));
  const autograd::Record record;
  const Array first = net(x), second = net(x);
  EXPECT_FALSE(same_bits(first, second));
}

TEST(Block, CachedGraphSeesChangedParameters) {
  Dense net(1, {.use_bias = false, .in_units = 2, .weight_initializer = ones()});
  net.initialize();
  net.hybridize();
  const Array x = Array::ones({1, 2});
  EXPECT_EQ(net(x).item(), 2);
  net.collect_params()[0].second.set_data(Array::full({1, 2}, 3));
  EXPECT_EQ(net(x).item(), 6);
  Parameter weight = net.collect_params()[0].second;
  weight.set_grad_req("null");  // a new array
  weight.set_data(Array::full({1, 2}, 4));
  EXPECT_EQ(net(x).item(), 8);
}

TEST(Block, TraceHoldsLayerNamesAndDropsWhatOutputsDoNotNeed) {
  Net net;
  net.initialize(uniform(), 1);
  const graph::Graph graph = net.trace({{DType::f32, {4, 2, 5}}});
  ASSERT_EQ(graph.nodes().size(), 4u) << graph.text();
  EXPECT_EQ(graph.nodes()[0].op->name, "lstm");
  EXPECT_EQ(graph.nodes()[0].layer, "lstm");
  EXPECT_EQ(graph.nodes()[2].op->name, "sequence_last");
  EXPECT_EQ(graph.nodes()[3].layer, "fc");
  const Array x = random({4, 2, 5}, 3);
  EXPECT_TRUE(same_bits(graph.run(Arrays{x})[0], net(x)));
}

TEST(Block, SavesAndLoadsParametersInBits) {
  const std::string path = temporary("net.safetensors");
  Net net, other;
  net.initialize(xavier(), 1);
  const Array x = random({4, 2, 5}, 3);
  const Array y = net(x);
  net.save_parameters(path);
  other.load_parameters(path);  // completes open shapes, no initialize() needed
  EXPECT_TRUE(same_bits(y, other(x)));
  std::filesystem::remove(path);
}

TEST(Block, LoadingNamesAllThatDoesNotFitAndChangesNothing) {
  const std::string path = temporary("misfit.safetensors");
  Sequential saved(Dense(3, {.in_units = 2}), Dense(4, {.in_units = 3}));
  saved.initialize();
  saved.save_parameters(path);
  Sequential net(Dense(3, {.in_units = 5}), Dense(4, {.use_bias = false, .in_units = 3}), Dense(1, {.in_units = 4}));
  net.initialize(constant(0.5));
  const std::string text = error_of<ValueError>([&] { net.load_parameters(path); });
  for (const char* part : {"0.weight has shape (3, 2), expected (3, 5)", "surplus 1.bias", "missing 2.weight",
                           "missing 2.bias", "misfit.safetensors"})
    EXPECT_NE(text.find(part), std::string::npos) << text;
  EXPECT_EQ(net.collect_params()[2].second.data().slice(0, 0, 1).slice(1, 0, 1).contiguous().item(), 0.5);
  std::filesystem::remove(path);
}

TEST(Block, RefusesToSaveWithoutValues) {
  Dense net(3);
  net.initialize();
  const std::string text = error_of<ValueError>([&] { net.save_parameters(temporary("never")); });
  EXPECT_NE(text.find("parameters without values: weight;"), std::string::npos) << text;
}

TEST(Safetensors, RefusesEveryTruncationAndBrokenHeaders) {
  const std::string path = temporary("cut.safetensors");
  save_safetensors(path, {{"a", random({2, 3}, 1)}, {"b", Array::from(std::vector<int64_t>{1, 2})}}, {{"k", "v"}});
  const std::string whole = read_file(path);
  Metadata metadata;
  const auto loaded = load_safetensors(path, &metadata);
  ASSERT_EQ(loaded.size(), 2u);
  EXPECT_TRUE(same_bits(loaded[0].value, random({2, 3}, 1)));
  EXPECT_EQ(metadata.at("k"), "v");
  for (size_t length = 0; length < whole.size(); ++length) {
    write_file(path, std::string_view(whole).substr(0, length));
    EXPECT_THROW(load_safetensors(path), FormatError) << length;
  }
  write_file(path, whole + "x");
  EXPECT_THROW(load_safetensors(path), FormatError);
  std::string broken = whole;
  broken.replace(broken.find("[2,3]"), 5, "[2,4]");
  write_file(path, broken);
  EXPECT_NE(error_of<FormatError>([&] { load_safetensors(path); }).find("a has 24 bytes of data, expected 32"),
            std::string::npos);
  broken = whole;
  broken.replace(broken.find("F32"), 3, "F99");
  write_file(path, broken);
  EXPECT_THROW(load_safetensors(path), FormatError);
  std::filesystem::remove(path);
  EXPECT_THROW(load_safetensors(path), IoError);
}

TEST(Block, SummaryListsLayersShapesAndCounts) {
  Net net;
  net.initialize();
  const std::string text = net.summary({{DType::f32, {4, 2, 5}}});
  EXPECT_NE(text.find("lstm (lstm)"), std::string::npos) << text;
  EXPECT_NE(text.find("(4, 2, 3)"), std::string::npos) << text;
  // 4 * 3 * (5 + 3 + 2) + 4 * 3 * (3 + 3 + 2) + 3 + 1
  EXPECT_EQ(net.parameter_count(), 220);
  EXPECT_NE(text.find("Total parameters: 220"), std::string::npos) << text;
}

TEST(Parameter, GradientCanBeSwitchedOff) {
  Dense net(2, {.in_units = 2});
  net.initialize();
  auto parameters = net.collect_params();
  Parameter& weight = parameters[0].second;
  EXPECT_TRUE(weight.data().has_grad());
  weight.set_grad_req("null");
  EXPECT_FALSE(weight.data().has_grad());
  EXPECT_THROW(weight.grad(), ValueError);
  EXPECT_THROW(weight.set_grad_req("sum"), ValueError);
  EXPECT_THROW(weight.set_data(Array::zeros({3, 2})), ShapeError);
}

TEST(Block, CastChangesAllParameters) {
  Dense net(2, {.in_units = 3});
  net.initialize(uniform(), 3);
  const Array x = random({4, 3}, 1);
  const Array single = net(x);
  net.cast(DType::f64);
  const Array twice = net(x.astype(DType::f64));
  EXPECT_EQ(twice.dtype(), DType::f64);
  for (int i = 0; i < 8; ++i) EXPECT_NEAR(single.to_vector<double>()[i], twice.to_vector<double>()[i], 1e-6);
  EXPECT_THROW(net.cast(DType::i8), TypeError);
}

class CountingHook final : public CallHook {
 public:
  bool active() const override { return on; }
  void before(Block&, const Arrays& inputs) override { before_rows += inputs[0].shape()[0]; }
  void after(Block&, const Arrays&, const Arrays& outputs) override { last = outputs[0]; }

  bool on = true;
  int64_t before_rows = 0;
  Array last;
};

TEST(Block, HooksSeeCallsOfHybridizedNetworks) {
  Sequential net(Dense(4), Dense(2));
  net.initialize(normal(1));
  const Array x = random({3, 5}, 1), plain = net(x);
  net.hybridize();
  const auto hook = std::make_shared<CountingHook>();
  net[1].add_hook(hook);
  for (int64_t calls = 1; calls <= 2; ++calls) {
    EXPECT_TRUE(same_bits(net(x), plain));
    EXPECT_EQ(hook->before_rows, 3 * calls);
    EXPECT_TRUE(same_bits(hook->last, plain));
  }
  net.trace({x.type()});
  net.summary({x.type()});
  EXPECT_EQ(hook->before_rows, 6);
  hook->on = false;
  EXPECT_TRUE(same_bits(net(x), plain));
  EXPECT_EQ(hook->before_rows, 6);
  net[1](random({3, 4}, 1));
  EXPECT_TRUE(net[1].hooks().empty());
}

TEST(Block, TiedParametersAreOne) {
  Dense a(4), b(4, {.in_units = 3});
  Parameter(a.parameters()[0].second).tie(b.parameters()[0].second);
  EXPECT_EQ(a.parameters()[0].second.shape(), Shape({4, 3}));
  Sequential net;
  net.add(std::move(a));
  net.add(std::move(b));
  EXPECT_EQ(net.collect_params().size(), 3U);
  EXPECT_EQ(net.all_paths().size(), 4U);
  net.initialize(normal(1));
  EXPECT_EQ(net.all_paths()[0].second.data().id(), net.all_paths()[2].second.data().id());
  Dense narrow(3, {.in_units = 3});
  EXPECT_NE(error_of<ShapeError>([&] { Parameter(narrow.parameters()[0].second).tie(net.all_paths()[0].second); }), "");
}

TEST(Block, ChildrenGetNamesBehindTheLargest) {
  Sequential net(Dense(1), Dense(2), Dense(3));
  net.remove("0");
  net.add(Dense(4));
  EXPECT_EQ(net.size(), 3U);
  EXPECT_EQ(net.children().back().first, "3");
}

}  // namespace
}  // namespace quantick::nn
