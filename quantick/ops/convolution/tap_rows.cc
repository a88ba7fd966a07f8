#include "quantick/ops/convolution/tap_rows.h"

#include <algorithm>
#include <cstring>

namespace quantick {

TapRows::TapRows(const CausalSizes& sizes, const TensorFormat& x)
    : sizes_(sizes),
      element_(dtype_size(x.dtype)),
      joined_(sizes.dilation == 1 && sizes.groups == 1 && sizes.columns == 1),
      past_((sizes.taps - 1) * sizes.dilation, sizes.columns * sizes.channels, element_,
            static_cast<uint32_t>(x.zero_point)) {}

void TapRows::gather(const IntegerNode::Call& call, int64_t first, int64_t count, int64_t group, int64_t first_tap,
                     int64_t end_tap, std::byte* to) const noexcept {
  const int64_t columns = sizes_.columns, channel_bytes = sizes_.channels * element_;
  const int64_t tap_bytes = sizes_.in() * element_, place_bytes = (end_tap - first_tap) * tap_bytes;
  const auto* x = static_cast<const std::byte*>(call.inputs.empty() ? nullptr : call.inputs[0]);
  for (int64_t at = first; at < first + count;) {
    const int64_t column = at % columns, row = at / columns, n = row % call.batch, step = row / call.batch;
    const int64_t here = std::min(columns - column, first + count - at);
    const PastRows::Row past = past_.row(call.state, call.batch, n);
    const int64_t skipped = column * channel_bytes + group * tap_bytes;
    for (int64_t tap = first_tap; tap < end_tap;) {
      const int64_t source = step - (sizes_.taps - 1 - tap) * sizes_.dilation;
      int64_t joined = 1;
      const std::byte* from = nullptr;
      if (source >= 0) {
        from = x + (source * call.batch + n) * columns * channel_bytes;
        if (joined_ && call.batch == 1) joined = end_tap - tap;
      } else {
        from = past.back(-source);
        if (joined_) joined = std::min(end_tap - tap, past.side_by_side(-source));
      }
      const auto bytes = static_cast<size_t>(joined * tap_bytes);
      for (int64_t i = 0; i < here; ++i)
        std::memcpy(to + i * place_bytes + (tap - first_tap) * tap_bytes, from + skipped + i * channel_bytes, bytes);
      tap += joined;
    }
    to += here * place_bytes;
    at += here;
  }
}

}  // namespace quantick
