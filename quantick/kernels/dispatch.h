#pragma once
// A kernel's list: one entry per instruction set, in one place per kernel. Adding a set is a file and an entry.
#include "quantick/core/cpu.h"

namespace quantick::kernels {

template <class Function>
class KernelList {
 public:
  /// AVX-VNNI takes the kernel of AVX2.
  constexpr KernelList(Function scalar, Function avx2, Function avx512vnni)
      : KernelList(scalar, avx2, avx2, avx512vnni) {}
  constexpr KernelList(Function scalar, Function avx2, Function avxvnni, Function avx512vnni)
      : entries_{scalar, avx2, avxvnni, avx512vnni} {}

  constexpr Function operator[](Isa isa) const { return entries_[static_cast<int>(isa)]; }

 private:
  Function entries_[4];
};

}  // namespace quantick::kernels
