#pragma once
// safetensors files (8 bytes of header length, JSON header, row-major little-endian data): parameters and checkpoints.
#include <map>
#include <string>
#include <vector>

#include "quantick/tensor/array.h"

namespace quantick::nn {

class Block;

struct NamedTensor {
  std::string name;
  Array value;
};

/// Free text beside the tensors ("__metadata__" of the format).
using Metadata = std::map<std::string, std::string>;

/// Replaces the file atomically. Throws IoError, and ValueError for a name that occurs twice.
void save_safetensors(const std::string& path, const std::vector<NamedTensor>& tensors, const Metadata& metadata = {});

/// In the order of their data. Throws IoError, and FormatError (naming file and fault) for a file that is cut, holds
/// overlapping, unclaimed or mis-sized data, or a dtype that Quantick does not have.
std::vector<NamedTensor> load_safetensors(const std::string& path, Metadata* metadata = nullptr);

/// Copies values into a block's parameters by name. Throws ValueError that names all missing, surplus and mis-shaped
/// ones; then nothing has changed. `source` is named in the error.
void assign_parameters(Block& block, const std::vector<NamedTensor>& tensors, const std::string& source);

}  // namespace quantick::nn
