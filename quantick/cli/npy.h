#pragma once
// NumPy's .npy files, formats 1 and 2: float32 and float64, little endian, in C or Fortran order.
#include <string>

#include "quantick/tensor/array.h"

namespace quantick::cli {

/// float32 or float64, contiguous. Throws IoError where the file cannot be read, FormatError that names path and part
/// where it is no .npy file, cut, or longer than its header says, and UnsupportedError for another format or dtype.
Array read_npy(const std::string& path);

/// A float32 array in C order, format 1; replaces the file atomically.
void write_npy(const std::string& path, const Array& array);

}  // namespace quantick::cli
