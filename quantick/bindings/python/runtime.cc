// Sessions, and the checks of the runtime room.
#include "quantick/bindings/python/runtime.h"

#include <nanobind/stl/filesystem.h>

#include "quantick/bindings/python/casters.h"
#include "quantick/bindings/python/fields.h"
#include "quantick/bindings/python/long_call.h"
#include "quantick/bindings/python/module.h"
#include "quantick/bindings/python/unlocked.h"
#include "quantick/runtime/causality.h"
#include "quantick/runtime/equality.h"
#include "quantick/runtime/golden.h"
#include "quantick/runtime/model_file.h"
#include "quantick/runtime/session.h"
#include "quantick/runtime/state_width.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace quantick::python {
namespace {

using runtime::CausalityResult;
using runtime::kHalfLives;
using runtime::Program;
using runtime::Session;

[[noreturn]] void refuse_model(nb::handle model, std::string_view who) {
  const bool path = nb::isinstance<nb::str>(model) || nb::hasattr(model, "__fspath__");
  fail<TypeError>("[{}] model, was a {}, expected a Program, a Session or a QuantizedNet{}", who,
                  nb::cast<std::string>(nb::inst_name(model)), path ? "; Program.load() reads a file" : "");
}

Array run(const Session& session, nb::handle x) {
  const Array input = array_of(x);
  const Unlocked released;
  return session.run(input);
}

void bind_session(nb::module_& m) {
  nb::class_<Session>(m, "Session", nb::is_weak_referenceable(),
                      "Runs a program on batches of whole windows. Weights are packed once; all calls may be made from "
                      "several threads at once and let other Python threads run.")
      .def(
          "__init__", [](Session* self, nb::handle model) { new (self) Session(plan_of(model, "session")); },
          "program"_a, nb::sig("def __init__(self, program: Program | Session | typing.Any) -> None"),
          "Of a Program, or of a quantized network.")
      .def_static(
          "load",
          [](const std::filesystem::path& path) { return Session(runtime::load_with_plan(path.string()).plan); },
          "path"_a, nb::sig("def load(path: str | os.PathLike[str]) -> Session"), nb::call_guard<Unlocked>(),
          "A session on a model file, as Program.load checks it.")
      .def(
          "run", &run, "x"_a.none(), nb::sig("def run(self, x: typing.Any) -> NDArray"),
          "x: float32 [steps, batch, features], or [batch, features] where the program reads single rows. Returns "
          "float32 [batch, ...], or [steps, batch, ...] where its output is a sequence. The bits depend neither on the "
          "batch nor on threads. Raises ShapeError and TypeError for x, ValueError that names column, row and step of "
          "a NaN or infinity where the program rejects them.")
      .def("__call__", &run, "x"_a.none(), nb::sig("def __call__(self, x: typing.Any) -> NDArray"))
      .def(
          "run_codes",
          [](const Session& session, nb::handle x) {
            const Array input = array_of(x);
            const Unlocked released;
            return session.run_codes(input);
          },
          "x"_a.none(), nb::sig("def run_codes(self, x: typing.Any) -> NDArray"),
          "The output's integers, before they become float32 (float32 where the output is not quantized).")
      .def(
          "run_all",
          [](const Session& session, nb::handle x) {
            const Array input = array_of(x);
            const Unlocked released;
            return session.run_all(input);
          },
          "x"_a.none(), nb::sig("def run_all(self, x: typing.Any) -> list[NDArray]"),
          "Every tensor of the program as float32, in the order of Program.values.")
      .def(
          "run_all_codes",
          [](const Session& session, nb::handle x) {
            const Array input = array_of(x);
            const Unlocked released;
            return session.run_all_codes(input);
          },
          "x"_a.none(), nb::sig("def run_all_codes(self, x: typing.Any) -> list[NDArray]"),
          "The integers of every tensor (float32 where it is not quantized), in the order of Program.values.")
      .def_prop_ro(
          "columns", [](const Session& s) { return s.plan().width(s.plan().input().value); }, "Features of one row.")
      .def_prop_ro(
          "output_width", [](const Session& s) { return s.plan().width(s.plan().output()); }, "Outputs of one row.")
      .def_prop_ro(
          "isa", [](const Session& s) { return std::string(isa_name(s.plan().isa())); },
          "Instruction set that the weights are packed for.")
      .def(
          "__reduce__",
          [](const Session&) {
            fail<TypeError>("[session] cannot be pickled or copied: pickle its Program, or the quantized network");
          },
          nb::sig("def __reduce__(self) -> typing.NoReturn"))
      .def("__repr__", [](const Session& s) {
        const runtime::Plan& plan = s.plan();
        return fmt::format("Session({} columns -> {}, {})", plan.width(plan.input().value), plan.width(plan.output()),
                           isa_name(plan.isa()));
      });
}

void bind_causality(nb::module_& m) {
  nb::class_<CausalityResult>(m, "CausalityResult", "How many outputs changed although they must not. True: none did.")
      .def_ro("compared", &CausalityResult::compared, "Output values.")
      .def_ro("truncated", &CausalityResult::truncated, "Of them, changed when later steps were cut off.")
      .def_ro("later_step", &CausalityResult::later_step, "Of them, changed by another last step.")
      .def_ro("batch_companions", &CausalityResult::batch_companions, "Of them, changed by other rows of the batch.")
      .def_prop_ro("causal", &CausalityResult::causal)
      .def("text", &CausalityResult::text)
      .def("__bool__", &CausalityResult::causal)
      .def("__repr__", [](const CausalityResult& r) { return "CausalityResult(" + r.text() + ")"; });
  m.def(
      "check_causality",
      [](const Session& session, nb::handle x, uint64_t seed) {
        const Array input = array_of(x);
        const Unlocked released;
        return check_causality(session, input, seed);
      },
      "session"_a, "x"_a, "seed"_a = 1);
  m.def(
      "check_causality_of",
      [](const nb::callable& model, nb::handle x, bool sequence_in, bool sequence_out, uint64_t seed) {
        const auto call = [&](const Array& batch) { return array_of(model(batch)); };
        return runtime::check_causality(call, array_of(x),
                                        {.sequence_in = sequence_in, .sequence_out = sequence_out, .seed = seed});
      },
      "model"_a, "x"_a, "sequence_in"_a, "sequence_out"_a, "seed"_a = 1,
      nb::sig("def check_causality_of(model: collections.abc.Callable[[NDArray], typing.Any], x: typing.Any, "
              "sequence_in: bool, sequence_out: bool, seed: int = 1) -> CausalityResult"));
}

void bind_golden(nb::module_& m) {
  nb::class_<runtime::GoldenResult>(m, "GoldenResult", "One case of a golden file on one instruction set.")
      .def_ro("index", &runtime::GoldenResult::index, "Of the case in the file; -1 for the activation tables.")
      .def_ro("kind", &runtime::GoldenResult::kind)
      .def_ro("isa", &runtime::GoldenResult::isa)
      .def_ro("compared", &runtime::GoldenResult::compared)
      .def_ro("differing", &runtime::GoldenResult::differing);
  nb::class_<runtime::GoldenReport>(m, "GoldenReport", "What replaying a golden file gave. True: it passed.")
      .def_ro("path", &runtime::GoldenReport::path)
      .def_ro("cases", &runtime::GoldenReport::cases, "In the file.")
      .def_ro("results", &runtime::GoldenReport::results)
      .def_prop_ro(
          "refused",
          [](const runtime::GoldenReport& r) {
            std::vector<std::pair<std::string, std::string>> out;
            for (const auto& refusal : r.refused) out.emplace_back(refusal.kind, refusal.reason);
            return out;
          },
          "Kind and reason of each case that this version does not run.")
      .def_prop_ro("compared", &runtime::GoldenReport::compared, "Values, over all cases and instruction sets.")
      .def_prop_ro("differing", &runtime::GoldenReport::differing)
      .def_prop_ro("passed", &runtime::GoldenReport::passed)
      .def("verdict", &runtime::GoldenReport::verdict)
      .def("__bool__", &runtime::GoldenReport::passed)
      .def("__repr__", [](const runtime::GoldenReport& r) { return "GoldenReport(" + r.verdict() + ")"; });
  m.def(
      "check_golden",
      [](const std::filesystem::path& path) {
        const LongCall call;
        return runtime::check_golden(path.string());
      },
      "path"_a, nb::sig("def check_golden(path: str | os.PathLike[str]) -> GoldenReport"),
      "Runs every case of a golden file on every instruction set of this processor. Raises OSError for an unreadable "
      "file and ParseError for a malformed one.");
  m.def(
      "write_golden",
      [](const std::filesystem::path& path, uint64_t seed) {
        const LongCall call;
        runtime::write_golden(path.string(), seed);
      },
      "path"_a, "seed"_a = 1, nb::sig("def write_golden(path: str | os.PathLike[str], seed: int = 1) -> None"),
      "Writes cases by the scalar oracle, for other engines; a seed always gives the same bytes.");
  nb::class_<runtime::EqualityRow>(m, "EqualityRow", "Two ways of running that must agree in bits.")
      .def_ro("name", &runtime::EqualityRow::name)
      .def_ro("outputs", &runtime::EqualityRow::outputs, "Values compared.")
      .def_ro("differing_bits", &runtime::EqualityRow::differing_bits)
      .def("__repr__", [](const runtime::EqualityRow& r) {
        return fmt::format("EqualityRow({}: {} values, {} differing bits)", r.name, r.outputs, r.differing_bits);
      });
  m.def(
      "check_equality",
      [](nb::handle model, const std::string& name, int64_t outputs, uint64_t seed) {
        const Program program = program_of(model, "equality");
        const LongCall call;
        return runtime::check_equality(name, program, {.outputs = outputs, .seed = seed});
      },
      "program"_a, "name"_a = "program", "outputs"_a = 10000, "seed"_a = 1,
      nb::sig(
          "def check_equality(program: Program | typing.Any, name: str = 'program', outputs: int = 10000, seed: int "
          "= 1) -> list[EqualityRow]"),
      "Runs a program on random inputs in every way that must agree: instruction sets, threads, batches, window and "
      "steps. Sets the process's thread count and instruction set meanwhile: nothing else of this library may run.");
  m.def(
      "check_bits",
      [](int64_t outputs, int64_t lstm_steps, uint64_t seed, int threads) {
        const LongCall call;
        return runtime::run_equality_checks(
            {.outputs = outputs, .lstm_steps = lstm_steps, .seed = seed, .threads = threads});
      },
      "outputs"_a = 1'000'000, "lstm_steps"_a = 100'000, "seed"_a = 1, "threads"_a = 2,
      "The same for random models of every operator that has fixed bits, as `quantick check bits` prints it. outputs: "
      "values compared in each row of an operator, lstm_steps: steps in each row of a stacked LSTM, at least.");
}

void bind_state_widths(nb::module_& m) {
  using runtime::StateWidthRow;
  nb::class_<StateWidthRow>(m, "StateWidthRow",
                            "SQNR in dB of one width of states and gates, by half-life of the memory.")
      .def_ro("name", &StateWidthRow::name)
      .def_prop_ro(
          "half_lives", [](const StateWidthRow&) { return std::vector<int>(kHalfLives.begin(), kHalfLives.end()); },
          "In steps.")
      .def_prop_ro(
          "reference",
          [](const StateWidthRow& r) { return std::vector<double>(r.reference.begin(), r.reference.end()); },
          "Of the design.")
      .def_prop_ro("measured",
                   [](const StateWidthRow& r) { return std::vector<double>(r.measured.begin(), r.measured.end()); })
      .def("__repr__", [](const StateWidthRow& r) {
        return fmt::format("StateWidthRow({}: {:.1f} dB)", r.name, fmt::join(r.measured, ", "));
      });
  m.def(
      "measure_state_widths",
      [](int64_t seeds) {
        const LongCall call;
        return runtime::measure_state_widths(seeds);
      },
      "seeds"_a = 4,
      "What narrow states and gates cost, as `quantick check states` prints it, averaged over so many random layers.");
}

}  // namespace

Program program_of(nb::handle model, std::string_view who) {
  if (nb::isinstance<Program>(model)) return nb::cast<const Program&>(model);
  const nb::object held = nb::getattr(model, "program", nb::none());
  if (!nb::isinstance<Program>(held)) refuse_model(model, who);
  return nb::cast<const Program&>(held);
}

std::shared_ptr<const runtime::Plan> plan_of(nb::handle model, std::string_view who) {
  if (nb::isinstance<Session>(model)) return nb::cast<const Session&>(model).shared_plan();
  if (const nb::object held = nb::getattr(model, "session", nb::none()); nb::isinstance<Session>(held))
    return nb::cast<const Session&>(held).shared_plan();
  const Program program = program_of(model, who);
  return unlocked([&] { return std::make_shared<const runtime::Plan>(program); });
}

void bind_runtime(nb::module_& m) {
  bind_programs(m);
  bind_session(m);
  bind_streams(m);
  bind_causality(m);
  bind_golden(m);
  bind_state_widths(m);
}

}  // namespace quantick::python
