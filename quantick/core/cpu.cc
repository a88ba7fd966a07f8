#include "quantick/core/cpu.h"

#include <array>
#include <atomic>
#include <fstream>

#include "quantick/core/env.h"
#include "quantick/core/error.h"

namespace quantick {
namespace {

constexpr std::array kAll{Isa::scalar, Isa::avx2, Isa::avx512vnni};

bool has(Isa isa) {
  switch (isa) {
    case Isa::scalar:
      return true;
#if defined(__x86_64__)
    case Isa::avx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
    case Isa::avx512vnni:
      return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
             __builtin_cpu_supports("avx512vnni") && has(Isa::avx2);
#endif
    default:
      return false;
  }
}

int count_supported() {
  int n = 0;
  while (n < static_cast<int>(kAll.size()) && has(kAll[n])) ++n;
  return n;
}

Isa from_environment() {
  const auto wanted = environment("QTK_ISA");
  if (!wanted) return supported_isas().back();
  for (Isa isa : kAll) {
    if (isa_name(isa) != *wanted) continue;
    QTK_CHECK(has(isa), UnsupportedError, "[cpu] QTK_ISA, was {}, but this processor does not run it", *wanted);
    return isa;
  }
  fail<ValueError>("[cpu] QTK_ISA, was \"{}\", expected scalar, avx2 or avx512vnni", *wanted);
}

std::atomic<int> forced{-1};

}  // namespace

std::string_view isa_name(Isa isa) {
  constexpr std::array<std::string_view, 3> names{"scalar", "avx2", "avx512vnni"};
  return names[static_cast<size_t>(isa)];
}

std::span<const Isa> supported_isas() {
  static const int n = count_supported();
  return {kAll.data(), static_cast<size_t>(n)};
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
