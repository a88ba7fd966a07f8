// Misuse of the core room. Run by tools/checks/check_compile_fail.py.
#include "quantick/core/cpu.h"
#include "quantick/core/error.h"
#include "quantick/core/fields.h"
#include "quantick/core/file.h"
#include "quantick/core/float_mode.h"
#include "quantick/core/hash.h"
#include "quantick/core/rng.h"

using namespace quantick;

struct WithFields {
  int units = 1;
  static constexpr auto fields() { return std::make_tuple(field("units", &WithFields::units)); }
};

struct WithoutFields {
  int units = 1;
};

int use(Key key) { return static_cast<int>(key.value()); }

void right_use() {
  QTK_CHECK(use(Key(7)) != 0, ValueError, "[test] value, was {}, expected {}", 1, 2);
  field_names<WithFields>();
}

#if CASE == 1
// CASE 1: call to non-'constexpr' function
// A text with more places than values: found when compiling, not when the error is thrown.
void misuse() { fail<ValueError>("[test] value, was {}, expected {}", 1); }
#elif CASE == 2
// CASE 2: could not convert
// A number is not a key: which seed, folded how?
int misuse() { return use(7); }
#elif CASE == 3
// CASE 3: use of deleted function
ForcedIsa misuse(const ForcedIsa& forced) { return forced; }
#elif CASE == 4
// CASE 4: use of deleted function
FloatMode misuse(const FloatMode& mode) { return mode; }
#elif CASE == 5
// CASE 5: use of deleted function
Sha256 misuse(const Sha256& hash) { return hash; }
#elif CASE == 6
// CASE 6: use of deleted function
MappedFile misuse(const MappedFile& file) { return file; }
#elif CASE == 7
// CASE 7: no matching function for call
auto misuse() { return field_names<WithoutFields>(); }
#elif CASE == 8
// CASE 8: no match for 'operator='
void misuse(ForcedIsa& forced) { forced = Isa::avx2; }
#endif
