#pragma once
// The float convolution, forward and backward, by element type. Images are turned to channels-last with their padding
// once; then each output row is a few matrix products on memory as it lies, without copies of the windows. Images are
// cut into chunks; the bits of an image depend neither on the other images nor on threads.
#include <cstdint>

#include "quantick/ops/convolution/windows.h"

namespace quantick {

struct ConvolutionSizes {
  int64_t batch = 0, groups = 1;
  int64_t in = 0, out = 0;  ///< channels of one group
  Windows windows;
};

/// x [batch, groups * in, h, w], weight [groups * out, in, kh, kw], bias [groups * out] or undefined, y as
/// windows_shape says; all contiguous and of one float dtype.
void convolution_forward(const ConvolutionSizes& sizes, const Array& x, const Array& weight, const Array& bias,
                         Array& y);

/// Gradients by x and weight from that by y. dx and dweight come as zeros.
void convolution_backward(const ConvolutionSizes& sizes, const Array& x, const Array& weight, const Array& dy,
                          Array& dx, Array& dweight);

}  // namespace quantick
