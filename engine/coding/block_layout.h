#pragma once

#include "engine/base/tensor.h"

#include <cstdint>
#include <span>
#include <vector>

namespace eigenbit::internal {

/// The order in which the levels of a block are stored: channel by channel of the axis that blocks cut, then the
/// remaining axes in their order. In convolution weights (O, KH, KW, I) cut along O or I the other channel axis comes
/// before the kernel's, so that a kernel's taps follow each other. Cut along the kernel's axes, as where a transform
/// mixes the taps, it is the outputs that are channels and the inputs that are kernels, with those taps that the block
/// has.
class BlockLayout {
  public:
    /// The block `begin` … `end`-1 along `axis` of a parameter of this shape.
    BlockLayout(const Shape& shape, int axis, std::int64_t begin, std::int64_t end);

    std::int64_t channels() const { return channels_; }
    std::int64_t kernels() const { return static_cast<std::int64_t>(kernels_.size()); }  ///< of each channel
    std::int64_t taps() const { return static_cast<std::int64_t>(taps_.size()); }        ///< of each kernel
    std::int64_t kernel_width() const { return kernel_width_; }
    std::int64_t elements() const { return channels() * kernels() * taps(); }

    /// The block's levels in stored order, out of those of the whole parameter.
    std::vector<std::int16_t> gather(std::span<const std::int16_t> parameter) const;
    /// The inverse of gather, of whole channels from `first_channel` on.
    void scatter(std::span<const std::int16_t> channels, std::int64_t first_channel,
                 std::span<std::int16_t> parameter) const;

  private:
    /// Of the levels of a channel, relative to its first.
    std::vector<std::int64_t> filter_places() const;

    std::int64_t channels_ = 0;
    std::int64_t kernel_width_ = 1;
    std::int64_t first_ = 0;             // position of the block's first level in the parameter
    std::int64_t channel_stride_ = 0;    // from channel to channel
    std::vector<std::int64_t> kernels_;  // positions relative to the channel's first
    std::vector<std::int64_t> taps_;     // positions relative to the kernel's first
};

}  // namespace eigenbit::internal
