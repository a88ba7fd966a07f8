// Programs as plain data, and their files.
#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/map.h>
#include <stdlib.h>

#include <filesystem>
#include <string>
#include <string_view>

#include "quantick/bindings/python/casters.h"
#include "quantick/bindings/python/fields.h"
#include "quantick/bindings/python/long_call.h"
#include "quantick/bindings/python/runtime.h"
#include "quantick/bindings/python/unlocked.h"
#include "quantick/core/file.h"
#include "quantick/runtime/model_file.h"
#include "quantick/runtime/program_json.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace quantick::python {
namespace {

using runtime::Program;
using runtime::ProgramInput;
using runtime::ProgramNode;
using runtime::ProgramOutput;
using runtime::ProgramValue;

nb::object or_none(const TensorFormat& format, nb::object value) { return format.quantized() ? value : nb::none(); }

void bind_values(nb::module_& m) {
  nb::class_<ProgramValue>(m, "ProgramValue",
                           "One tensor of a program: [steps, batch, channels...] where it is a sequence, else [batch, "
                           "channels...]. Quantized, a code q means (q - zero_point) * scale.")
      .def_ro("name", &ProgramValue::name)
      .def_prop_ro(
          "dtype", [](const ProgramValue& v) { return v.format.name(); },
          "\"int8\", \"int6\", \"float32\", \"bf16\", ...")
      .def_prop_ro(
          "bits", [](const ProgramValue& v) { return v.format.quantized() ? v.format.width() : 32; },
          "Width of a code; 32 where it is not quantized.")
      .def_prop_ro(
          "scale", [](const ProgramValue& v) { return or_none(v.format, nb::cast(v.format.scale)); },
          nb::sig("def scale(self) -> float | None"), "None where it is not quantized.")
      .def_prop_ro(
          "zero_point", [](const ProgramValue& v) { return or_none(v.format, nb::cast(v.format.zero_point)); },
          nb::sig("def zero_point(self) -> int | None"), "None where it is not quantized.")
      .def_prop_ro("quantized", [](const ProgramValue& v) { return v.format.quantized(); })
      .def_prop_ro(
          "channels", [](const ProgramValue& v) { return v.channels; }, "Shape of one row.")
      .def_ro("sequence", &ProgramValue::sequence, "Whether steps come first.")
      .def("__repr__", [](const ProgramValue& v) {
        return fmt::format("ProgramValue({}, {}, {}{})", v.name, v.format.name(), v.sequence ? "[steps, batch] x " : "",
                           v.channels.text());
      });
  nb::class_<ProgramNode>(m, "ProgramNode", "One operation of a program.")
      .def_ro("op", &ProgramNode::op, "Name in the operator registry.")
      .def_ro("layer", &ProgramNode::layer, "Path of the block it came from.")
      .def_ro("inputs", &ProgramNode::inputs, "Indices into Program.values.")
      .def_ro("output", &ProgramNode::output, "Index into Program.values.")
      .def_prop_ro(
          "attributes",
          [](const ProgramNode& n) {
            nb::dict out;
            for (const auto& [name, value] : n.attributes) out[name.c_str()] = value_of(value);
            return out;
          },
          nb::sig("def attributes(self) -> dict[str, typing.Any]"))
      .def_prop_ro(
          "constants",
          [](const ProgramNode& n) {
            nb::dict out;
            for (const NamedArray& constant : n.constants) out[constant.name.c_str()] = constant.value;
            return out;
          },
          nb::sig("def constants(self) -> dict[str, NDArray]"), "Integer weights, biases, scales, ... by name.")
      .def_prop_ro(
          "precision", [](const ProgramNode& n) { return python_value(n.precision); },
          nb::sig("def precision(self) -> dict[str, typing.Any]"), "Widths, method and granularity.")
      .def("__repr__", [](const ProgramNode& n) { return fmt::format("ProgramNode({}, layer={})", n.op, n.layer); });
  nb::class_<ProgramInput>(m, "ProgramInput", "What a program reads.")
      .def_ro("value", &ProgramInput::value, "Index into Program.values.")
      .def_ro("columns", &ProgramInput::columns, "Names of the features, one per channel, or empty.")
      .def_prop_ro(
          "missing", [](const ProgramInput& i) { return std::string(missing_policy_name(i.missing)); },
          "NaN and infinities: \"reject\" or \"fill\".")
      .def_ro("fill", &ProgramInput::fill, "What \"fill\" puts in.");
  nb::class_<ProgramOutput>(m, "ProgramOutput", "What a program gives.")
      .def_ro("value", &ProgramOutput::value, "Index into Program.values.")
      .def_ro("name", &ProgramOutput::name);
}

/// A folder of our own for as long as a file takes to go through it.
class TemporaryFolder {
 public:
  TemporaryFolder() : path_((std::filesystem::temp_directory_path() / "quantick-XXXXXX").string()) {
    QTK_CHECK(mkdtemp(path_.data()) != nullptr, IoError, "[program] no folder could be made in {}",
              std::filesystem::temp_directory_path().string());
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::string file() const { return path_ + "/model.qtk"; }

 private:
  std::string path_;
};

nb::bytes to_bytes(const Program& program) {
  std::string held;
  {
    const Unlocked released;
    const TemporaryFolder folder;
    runtime::save(program, folder.file());
    held = read_file(folder.file());
  }
  return nb::bytes(held.data(), held.size());
}

/// The constants stay in the mapped file, whose name may go.
Program from_bytes(const nb::bytes& held) {
  const std::string_view text(held.c_str(), held.size());
  const Unlocked released;
  const TemporaryFolder folder;
  write_file(folder.file(), text);
  return runtime::load(folder.file());
}

void set_columns(Program& program, const std::vector<std::string>& names) {
  Program changed = program;
  changed.inputs.at(0).columns = names;
  changed.check();
  program.inputs = changed.inputs;
}

}  // namespace

void bind_programs(nb::module_& m) {
  bind_values(m);
  nb::class_<Program>(m, "Program", nb::is_weak_referenceable(),
                      "A fixed-bits program: the quantized model as plain data. A Session runs windows, a Stream runs "
                      "ticks. Its meaning is docs/numerics.md.")
      .def_static(
          "load",
          [](const std::filesystem::path& path) {
            const Unlocked released;
            return runtime::load(path.string());
          },
          "path"_a, nb::sig("def load(path: str | os.PathLike[str]) -> Program"),
          "Reads a model file and replays its golden output. Raises OSError where it cannot be read, FormatError where "
          "it is cut, altered, of another version, or gives other bits on this machine.")
      .def(
          "save",
          [](const Program& program, const std::filesystem::path& path) {
            const Unlocked released;
            return runtime::save(program, path.string());
          },
          "path"_a, nb::sig("def save(self, path: str | os.PathLike[str]) -> str"),
          "Replaces the file atomically; returns the identity. Equal programs give equal files.")
      .def("to_bytes", &to_bytes, "What save() writes.")
      .def_static("from_bytes", &from_bytes, "data"_a, "What load() reads, from memory. Raises FormatError.")
      .def("__getstate__", &to_bytes)
      .def(
          "__setstate__", [](Program* self, const nb::bytes& state) { new (self) Program(from_bytes(state)); },
          "state"_a)
      .def_ro("values", &Program::values, "All tensors.")
      .def_ro("nodes", &Program::nodes, "In the order in which they run.")
      .def_ro("inputs", &Program::inputs)
      .def_ro("outputs", &Program::outputs)
      .def_prop_ro("input", &Program::input, nb::rv_policy::reference_internal, "The tensor it reads.")
      .def_prop_ro("output", &Program::output, nb::rv_policy::reference_internal, "The tensor it gives.")
      .def_prop_rw(
          "columns", [](const Program& p) { return p.inputs.at(0).columns; }, &set_columns,
          "Names of the features, one per channel, or empty. Saved with the program.")
      .def_prop_rw(
          "metadata", [](const Program& p) { return p.metadata; },
          [](Program& p, const std::map<std::string, std::string>& metadata) { p.metadata = metadata; },
          "Texts by key, saved with the program: a copy; assign a dict to change them.")
      .def_prop_ro("identity", &runtime::identity, "SHA-256 over structure, metadata and all constants.")
      .def_prop_ro("constant_bytes", &Program::constant_bytes, "Bytes of all constants.")
      .def_prop_ro("needs_whole_window", &Program::needs_whole_window,
                   "Whether some node needs all steps of a window at once, so that a Stream needs a window.")
      .def("text", &Program::text, "One line per tensor and node.")
      .def("json", &runtime::program_to_json, "The structure; constants are named, not included.")
      .def("__eq__",
           [](const Program& a, nb::handle b) { return nb::isinstance<Program>(b) && a == nb::cast<Program&>(b); })
      .def("__repr__", [](const Program& p) {
        return fmt::format("Program({} -> {}, {} nodes, {} bytes of constants)", p.input().channels.text(),
                           p.output().channels.text(), p.nodes.size(), p.constant_bytes());
      });
  m.def(
      "verify",
      [](const std::filesystem::path& path) {
        const Unlocked released;
        return runtime::verify(path.string());
      },
      "path"_a, nb::sig("def verify(path: str | os.PathLike[str]) -> str"),
      "Recomputes a model file's SHA-256 identity from its content and returns it. Raises FormatError where it "
      "differs.");
}

}  // namespace quantick::python
