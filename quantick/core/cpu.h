#pragma once
// What this processor can do, and which instruction set the kernels use.
#include <span>
#include <string>
#include <string_view>

namespace quantick {

/// Ascending speed. avxvnni is AVX2 with vpdpbusd on 256 bits; sets without a kernel of their own take the one below.
enum class Isa { scalar, avx2, avxvnni, avx512vnni };

std::string_view isa_name(Isa isa);

/// The instruction sets that this processor runs, scalar first, best last.
std::span<const Isa> supported_isas();

/// The set that kernels dispatch to: QTK_ISA where it is set, else the best one. Throws ValueError for an unknown
/// name and UnsupportedError for a set this processor lacks.
Isa active_isa();

/// Overrides active_isa() for the lifetime of the object, for tests and `check bits`. Not thread safe.
class ForcedIsa {
 public:
  explicit ForcedIsa(Isa isa);
  ~ForcedIsa();
  ForcedIsa(const ForcedIsa&) = delete;
  ForcedIsa& operator=(const ForcedIsa&) = delete;

 private:
  int previous_;
};

/// Processor brand string, e.g. for the report's timings.
std::string cpu_model();

}  // namespace quantick
