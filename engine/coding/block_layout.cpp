#include "engine/coding/block_layout.h"

#include <algorithm>
#include <array>
#include <cstring>

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

constexpr std::int64_t kEight = 8;
using Eight [[gnu::vector_size(2 * kEight)]] = std::int16_t;

/// Writes the 8 columns of 8 rows, where the places say.
void transpose_eights(const std::int16_t* rows, std::int64_t stride, const std::int64_t* places, std::int16_t* to) {
    std::array<Eight, kEight> lines;
    for (std::int64_t row = 0; row < kEight; ++row) {
        std::memcpy(&lines[static_cast<std::size_t>(row)], rows + row * stride, sizeof(Eight));
    }
    // The bits of a row's number, and those of a column's after them, are turned by one at a time.
    for (int turn = 0; turn < 3; ++turn) {
        const std::array<Eight, kEight> from = lines;
        for (std::size_t i = 0; i < kEight / 2; ++i) {
            lines[2 * i] = __builtin_shufflevector(from[i], from[i + 4], 0, 8, 1, 9, 2, 10, 3, 11);
            lines[2 * i + 1] = __builtin_shufflevector(from[i], from[i + 4], 4, 12, 5, 13, 6, 14, 7, 15);
        }
    }
    for (std::size_t column = 0; column < kEight; ++column) {
        std::memcpy(to + places[column], &lines[column], sizeof(Eight));
    }
}

/// Copies rows, `stride` levels apart, so that those of a column lie together from the column's place on.
void transpose(const std::int16_t* rows, std::int64_t stride, std::int64_t row_count,
               std::span<const std::int64_t> places, std::int16_t* to) {
    const auto columns = static_cast<std::int64_t>(places.size());
    if (columns == 1 && stride == 1) {
        std::copy_n(rows, row_count, to + places.front());
        return;
    }
    const std::int64_t whole_columns = columns / kEight * kEight;
    const auto copy = [&](std::int64_t row, std::int64_t end, std::int64_t first_column) {
        for (std::int64_t column = first_column; column < columns; ++column) {
            std::int16_t* const place = to + places[static_cast<std::size_t>(column)];
            for (std::int64_t r = row; r < end; ++r) place[r] = rows[r * stride + column];
        }
    };
    std::int64_t row = 0;
    for (; row + kEight <= row_count; row += kEight) {
        for (std::int64_t column = 0; column < whole_columns; column += kEight) {
            transpose_eights(rows + row * stride + column, stride, places.data() + column, to + row);
        }
        copy(row, row + kEight, whole_columns);
    }
    copy(row, row_count, 0);
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

std::vector<std::int64_t> BlockLayout::filter_places() const {
    std::vector<std::int64_t> places;
    for (const std::int64_t kernel : kernels_) {
        for (const std::int64_t tap : taps_) places.push_back(kernel + tap);
    }
    return places;
}

std::vector<std::int16_t> BlockLayout::gather(std::span<const std::int16_t> parameter) const {
    // More streams that are written side by side would drive each other out of the first-level cache.
    constexpr std::int64_t kMostStreams = 16;
    const std::int64_t filter = kernels() * taps();
    const std::int64_t run = channel_stride_ == 1 ? kMostStreams : 1;
    const std::vector<std::int64_t> places = filter_places();
    std::vector<std::int16_t> block(static_cast<std::size_t>(elements()));
    for (std::int64_t first = 0; first < channels(); first += run) {
        for (std::int64_t i = 0; i < filter; ++i) {
            const std::int64_t place = first_ + places[static_cast<std::size_t>(i)];
            for (std::int64_t channel = first; channel < std::min(first + run, channels()); ++channel) {
                block[static_cast<std::size_t>(channel * filter + i)] =
                    parameter[static_cast<std::size_t>(place + channel * channel_stride_)];
            }
        }
    }
    return block;
}

void BlockLayout::scatter(std::span<const std::int16_t> channels, std::int64_t first_channel,
                          std::span<std::int16_t> parameter) const {
    const std::int64_t filter = kernels() * taps();
    const std::int64_t count = std::ssize(channels) / filter;
    std::int16_t* const to = parameter.data() + first_ + first_channel * channel_stride_;
    if (channel_stride_ == 1) {
        transpose(channels.data(), filter, count, filter_places(), to);
        return;
    }
    const bool kernels_follow = kernels_.back() - kernels_.front() == kernels() - 1;
    const std::int64_t rows = kernels_follow ? kernels() : 1;
    for (std::int64_t channel = 0; channel < count; ++channel) {
        for (std::int64_t kernel = 0; kernel < kernels(); kernel += rows) {
            transpose(channels.data() + channel * filter + kernel * taps(), taps(), rows, taps_,
                      to + channel * channel_stride_ + kernels_[static_cast<std::size_t>(kernel)]);
        }
    }
}

}  // namespace eigenbit::internal
