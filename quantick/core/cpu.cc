#include "quantick/core/cpu.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <array>
#include <atomic>
#include <fstream>
#include <vector>

#include "quantick/core/env.h"
#include "quantick/core/error.h"

namespace quantick {
namespace {

constexpr std::array kAll{Isa::scalar, Isa::avx2, Isa::avxvnni, Isa::avx512vnni};

#if defined(__x86_64__)
/// Bit 4 of leaf 7.1: g++ 12 has no name for it in __builtin_cpu_supports.
bool has_avxvnni() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a >> 4 & 1) != 0;
}
#endif

bool has(Isa isa) {
  switch (isa) {
    case Isa::scalar:
      return true;
#if defined(__x86_64__)
    case Isa::avx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
    case Isa::avxvnni:
      return has_avxvnni() && has(Isa::avx2);
    case Isa::avx512vnni:
      return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
             __builtin_cpu_supports("avx512vnni") && has(Isa::avx2);
#endif
    default:
      return false;
  }
}

std::vector<Isa> find_supported() {
  std::vector<Isa> found;
  for (Isa isa : kAll)
    if (has(isa)) found.push_back(isa);
  return found;
}

Isa from_environment() {
  const auto wanted = environment("QTK_ISA");
  if (!wanted) return supported_isas().back();
  for (Isa isa : kAll) {
    if (isa_name(isa) != *wanted) continue;
    QTK_CHECK(has(isa), UnsupportedError, "[cpu] QTK_ISA, was {}, but this processor does not run it", *wanted);
    return isa;
  }
  fail<ValueError>("[cpu] QTK_ISA, was \"{}\", expected scalar, avx2, avxvnni or avx512vnni", *wanted);
}

std::atomic<int> forced{-1};

}  // namespace

std::string_view isa_name(Isa isa) {
  constexpr std::array<std::string_view, 4> names{"scalar", "avx2", "avxvnni", "avx512vnni"};
  return names[static_cast<size_t>(isa)];
}

std::span<const Isa> supported_isas() {
  static const std::vector<Isa> found = find_supported();
  return found;
}

Isa active_isa() {
  const int f = forced.load(std::memory_order_relaxed);
  if (f >= 0) return static_cast<Isa>(f);
  static const Isa chosen = from_environment();
  return chosen;
}

ForcedIsa::ForcedIsa(Isa isa) : previous_(forced.load()) {
  QTK_CHECK(has(isa), UnsupportedError, "[cpu] instruction set {} is not supported by this processor", isa_name(isa));
  forced.store(static_cast<int>(isa));
}

ForcedIsa::~ForcedIsa() { forced.store(previous_); }

std::string cpu_model() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (!line.starts_with("model name")) continue;
    const size_t start = line.find_first_not_of(" \t:", std::string_view("model name").size());
    if (start != std::string::npos) return line.substr(start);
  }
  return "unknown";
}

}  // namespace quantick
