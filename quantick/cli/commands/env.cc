// `quantick env`: the machine, the build, and every environment switch.
#include <cstdio>
#include <string>

#include "quantick/cli/commands/list.h"
#include "quantick/cli/version.h"
#include "quantick/core/cpu.h"
#include "quantick/core/env.h"
#include "quantick/core/error.h"
#include "quantick/core/thread_pool.h"

namespace quantick::cli {
namespace {

int print_environment() {
  std::string sets;
  for (Isa isa : supported_isas()) sets += (sets.empty() ? "" : ", ") + std::string(isa_name(isa));
  std::fputs(fmt::format("version           {}\n"
                         "processor         {}\n"
                         "instruction sets  {} (kernels use {})\n"
                         "threads           {}\n"
                         "\n",
                         code_version(), cpu_model(), sets, isa_name(active_isa()), thread_count())
                 .c_str(),
             stdout);
  for (const auto& entry : environment_switches())
    std::fputs(fmt::format("{:<12} {:<36} {} [{}]\n", entry.name, entry.accepted, entry.meaning,
                           environment(entry.name).value_or("not set"))
                   .c_str(),
               stdout);
  return 0;
}

}  // namespace

Command env_command() {
  return {"env", "The machine, the build and the environment switches", [](Options&) { return print_environment; }};
}

}  // namespace quantick::cli
