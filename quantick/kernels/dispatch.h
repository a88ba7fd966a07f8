#pragma once
// A kernel's list: one entry per instruction set, in one place per kernel. Adding a set is a file and an entry.
#include "quantick/core/cpu.h"

namespace quantick::kernels {

template <class Function>
struct KernelList {
  Function scalar;
  Function avx2;
  Function avx512vnni;

  constexpr Function operator[](Isa isa) const {
    return isa == Isa::avx512vnni ? avx512vnni : isa == Isa::avx2 ? avx2 : scalar;
  }
};

}  // namespace quantick::kernels
