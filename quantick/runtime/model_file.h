#pragma once
// One file per program, in the safetensors layout: u64 length of the header (little endian), JSON header, raw data.
// Each tensor starts at a multiple of 64 bytes, so the file can be used where it is mapped. The header's metadata
// carries the program's structure, the XXH3 of each tensor (checked at every load) and the SHA-256 identity; the first
// tensor, "checksum", holds the XXH3 of length and header. A golden input and output are replayed at load.
#include <memory>
#include <string>

#include "quantick/runtime/plan.h"
#include "quantick/runtime/program.h"

namespace quantick::runtime {

/// Replaces `path` atomically; returns the identity. The same program gives the same file on every machine.
std::string save(const Program& program, const std::string& path);

/// Throws IoError where the file cannot be read and FormatError, with the path, where it is truncated, altered, of
/// another version, or does not reproduce its golden output on this machine. Constants stay in the mapped file.
Program load(const std::string& path);

/// What replaying the golden output makes anyway: weights are packed once for the replay and whatever runs later.
struct LoadedProgram {
  Program program;
  std::shared_ptr<const Plan> plan;
};

/// load() with the plan, for sessions and streams. Throws the same.
LoadedProgram load_with_plan(const std::string& path);

/// SHA-256, in hexadecimal, over the structure and all tensors; what save() writes and returns.
std::string identity(const Program& program);

/// Loads the file and recomputes its identity from its content; returns it. Throws FormatError where it differs.
std::string verify(const std::string& path);

}  // namespace quantick::runtime
