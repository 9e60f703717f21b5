#include "engine/coding/block_layout.h"

#include <algorithm>

namespace eigenbit::internal {
namespace {

/// What the axes of a parameter are to a block: BlockLayout says which are which.
struct Roles {
    int channel;
    std::vector<int> kernels;
    std::vector<int> taps;
};

Roles roles_of_axes(const Shape& shape, int cut) {
    const bool convolution = shape.rank() == 4;
    if (convolution && (cut == 1 || cut == 2)) return {0, {3}, {1, 2}};
    Roles roles{.channel = cut, .kernels = {}, .taps = {}};
    for (int axis = 0; axis < shape.rank(); ++axis) {
        if (axis == cut) continue;
        (convolution && (axis == 1 || axis == 2) ? roles.taps : roles.kernels).push_back(axis);
    }
    return roles;
}

std::int64_t stride(const Shape& shape, int axis) { return shape.elements(axis + 1, shape.rank()); }

/// Positions of all elements of a block of this shape spanned by some axes, the last one running fastest.
std::vector<std::int64_t> positions(const Shape& block, const Shape& parameter, std::span<const int> axes) {
    std::vector<std::int64_t> result{0};
    for (const int axis : axes) {
        std::vector<std::int64_t> longer;
        longer.reserve(result.size() * static_cast<std::size_t>(block[axis]));
        for (const std::int64_t position : result) {
            for (std::int64_t i = 0; i < block[axis]; ++i) longer.push_back(position + i * stride(parameter, axis));
        }
        result = std::move(longer);
    }
    return result;
}

}  // namespace

BlockLayout::BlockLayout(const Shape& shape, int axis, std::int64_t begin, std::int64_t end)
    : first_(begin * stride(shape, axis)) {
    Shape block = shape;
    block[axis] = end - begin;
    const Roles roles = roles_of_axes(shape, axis);
    channels_ = block[roles.channel];
    channel_stride_ = stride(shape, roles.channel);
    kernels_ = positions(block, shape, roles.kernels);
    taps_ = positions(block, shape, roles.taps);
    if (!roles.taps.empty()) kernel_width_ = block[roles.taps.back()];
}

template <typename Visit>
void BlockLayout::for_each_run(Visit visit) const {
    // More streams that are read side by side would drive each other out of the first-level cache.
    constexpr std::int64_t kMostStreams = 16;
    const std::int64_t filter = kernels() * taps();
    const bool channels_follow = channel_stride_ == 1;
    const bool kernels_follow = !channels_follow && kernels_.back() - kernels_.front() == kernels() - 1;
    const std::int64_t channel_run = channels_follow ? kMostStreams : 1;
    for (std::int64_t channel = 0; channel < channels(); channel += channel_run) {
        for (std::int64_t kernel = 0; kernel < (kernels_follow ? 1 : kernels()); ++kernel) {
            for (std::int64_t tap = 0; tap < taps(); ++tap) {
                const std::int64_t position = first_ + channel * channel_stride_
                                              + kernels_[static_cast<std::size_t>(kernel)]
                                              + taps_[static_cast<std::size_t>(tap)];
                const std::int64_t stride = channels_follow ? filter : kernels_follow ? taps() : 1;
                const std::int64_t count = kernels_follow ? kernels() : std::min(channel_run, channels() - channel);
                visit(channel * filter + kernel * taps() + tap, stride, position, count);
            }
        }
    }
}

std::vector<std::int16_t> BlockLayout::gather(std::span<const std::int16_t> parameter) const {
    std::vector<std::int16_t> block(static_cast<std::size_t>(elements()));
    for_each_run([&](std::int64_t first, std::int64_t stride, std::int64_t position, std::int64_t count) {
        for (std::int64_t i = 0; i < count; ++i) {
            block[static_cast<std::size_t>(first + i * stride)] = parameter[static_cast<std::size_t>(position + i)];
        }
    });
    return block;
}

void BlockLayout::scatter(std::span<const std::int16_t> block, std::span<std::int16_t> parameter) const {
    for_each_run([&](std::int64_t first, std::int64_t stride, std::int64_t position, std::int64_t count) {
        for (std::int64_t i = 0; i < count; ++i) {
            parameter[static_cast<std::size_t>(position + i)] = block[static_cast<std::size_t>(first + i * stride)];
        }
    });
}

}  // namespace eigenbit::internal
