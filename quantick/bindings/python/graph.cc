// Traced networks, to look at and to run.
#include "quantick/graph/graph.h"

#include "quantick/bindings/python/casters.h"
#include "quantick/bindings/python/module.h"
#include "quantick/bindings/python/unlocked.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace quantick::python {

void bind_graph(nb::module_& m) {
  using graph::Graph;
  nb::class_<Graph>(m, "Graph", "What a network computes, as a static graph of operator calls: see Block.trace.")
      .def("text", &Graph::text, "One line per tensor and node.")
      .def("json", &Graph::json, "The structure; parameters and constants are named, not included.")
      .def_prop_ro(
          "operators",
          [](const Graph& g) {
            std::vector<std::string> out;
            for (const graph::Node& node : g.nodes()) out.push_back(node.op->name);
            return out;
          },
          "Of the nodes, in their order.")
      .def_prop_ro(
          "layers",
          [](const Graph& g) {
            std::vector<std::string> out;
            for (const graph::Node& node : g.nodes()) out.push_back(node.layer);
            return out;
          },
          "Path of the block that each node came from.")
      .def(
          "__call__",
          [](const Graph& g, const nb::args& inputs) {
            const Arrays arrays = arrays_of(nb::borrow<nb::iterable>(inputs));
            const Unlocked released;
            return g.run(arrays);
          },
          nb::sig("def __call__(self, *inputs: typing.Any) -> list[NDArray]"),
          "Runs the nodes in order; the bits are those of the network at inference.")
      .def("__repr__", [](const Graph& g) {
        return fmt::format("Graph({} nodes, {} inputs, {} outputs)", g.nodes().size(), g.inputs().size(),
                           g.outputs().size());
      });
}

}  // namespace quantick::python
