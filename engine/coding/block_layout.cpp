#include "engine/coding/block_layout.h"

namespace eigenbit {
namespace {

/// Positions of all elements spanned by some axes, the last one running fastest.
std::vector<std::int64_t> positions(const Shape& shape, std::span<const int> axes) {
    std::vector<std::int64_t> result{0};
    for (const int axis : axes) {
        const std::int64_t stride = shape.elements(axis + 1, shape.rank());
        std::vector<std::int64_t> longer;
        longer.reserve(result.size() * static_cast<std::size_t>(shape[axis]));
        for (const std::int64_t position : result) {
            for (std::int64_t i = 0; i < shape[axis]; ++i) longer.push_back(position + i * stride);
        }
        result = std::move(longer);
    }
    return result;
}

}  // namespace

BlockLayout::BlockLayout(const Shape& shape, int axis, std::int64_t begin, std::int64_t end)
    : channels_(end - begin), channel_stride_(shape.elements(axis + 1, shape.rank())) {
    first_ = begin * channel_stride_;
    const bool convolution = shape.rank() == 4 && (axis == 0 || axis == 3);
    std::vector<int> kernel_axes;
    std::vector<int> tap_axes;
    for (int other = 0; other < shape.rank(); ++other) {
        if (other == axis) continue;
        (convolution && (other == 1 || other == 2) ? tap_axes : kernel_axes).push_back(other);
    }
    kernels_ = positions(shape, kernel_axes);
    taps_ = positions(shape, tap_axes);
    if (convolution) kernel_width_ = shape[2];
}

template <typename Visit>
void BlockLayout::for_each_position(Visit visit) const {
    std::size_t i = 0;
    for (std::int64_t channel = 0; channel < channels_; ++channel) {
        for (const std::int64_t kernel : kernels_) {
            const std::int64_t base = first_ + channel * channel_stride_ + kernel;
            for (const std::int64_t tap : taps_) visit(i++, static_cast<std::size_t>(base + tap));
        }
    }
}

std::vector<std::int16_t> BlockLayout::gather(std::span<const std::int16_t> parameter) const {
    std::vector<std::int16_t> block(static_cast<std::size_t>(elements()));
    for_each_position([&](std::size_t i, std::size_t position) { block[i] = parameter[position]; });
    return block;
}

void BlockLayout::scatter(std::span<const std::int16_t> block, std::span<std::int16_t> parameter) const {
    for_each_position([&](std::size_t i, std::size_t position) { parameter[position] = block[i]; });
}

}  // namespace eigenbit
