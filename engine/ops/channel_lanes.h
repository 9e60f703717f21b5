#pragma once

#include "engine/base/chunks.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace eigenbit::internal {

/// Loops run over this many neighbouring elements, whole rows of channels: enough to be worth the start of a vector
/// loop, few enough that what goes with every element stays in the first-level cache.
inline std::int64_t lanes(std::int64_t channels) {
    constexpr std::int64_t kEnough = 256;
    return channels * ((kEnough + channels - 1) / channels);
}

/// One number for every channel, repeated over the lanes.
class TiledChannels {
  public:
    explicit TiledChannels(std::int64_t channels)
        : channels_(channels), values_(static_cast<std::size_t>(lanes(channels))) {}
    template <typename Value>
    TiledChannels(std::int64_t channels, Value value) : TiledChannels(channels) {
        for (std::int64_t c = 0; c < channels; ++c) values_[static_cast<std::size_t>(c)] = static_cast<float>(value(c));
        repeat();
    }

    float* data() { return values_.data(); }
    const float* data() const { return values_.data(); }
    std::int64_t length() const { return static_cast<std::int64_t>(values_.size()); }
    void clear() { std::ranges::fill(values_, 0.0F); }

    /// Gives all lanes the numbers of the first `channels`.
    void repeat() {
        for (std::int64_t i = channels_; i < length(); i += channels_) std::copy_n(data(), channels_, data() + i);
    }

    /// Replaces the numbers of the first `channels` lanes by the sums over all lanes of their channel.
    void fold() {
        for (std::int64_t i = channels_; i < length(); i += channels_) {
            for (std::int64_t c = 0; c < channels_; ++c) data()[c] += data()[i + c];
        }
    }

  private:
    std::int64_t channels_;
    std::vector<float> values_;
};

/// Calls visit(offset of the first element, elements) for blocks of the rows begin … end-1.
template <typename Visit>
void for_each_block(std::int64_t begin, std::int64_t end, std::int64_t channels, Visit visit) {
    constexpr std::int64_t kBlockElements = 8192;  // summed in float, and read more than once: they stay near the core
    const std::int64_t rows = std::max<std::int64_t>(kBlockElements / channels, 8);
    for (std::int64_t row = begin; row < end; row += rows) visit(row * channels, std::min(rows, end - row) * channels);
}

/// Calls visit(offset, count) for stretches of `length` elements, the last one perhaps shorter.
template <typename Visit>
void for_each_stretch(std::int64_t elements, std::int64_t length, Visit visit) {
    for (std::int64_t offset = 0; offset < elements; offset += length) {
        visit(offset, std::min(length, elements - offset));
    }
}

template <typename Visit>
void for_each_stretch_in_parallel(std::int64_t elements, std::int64_t length, Visit visit) {
    for_each_chunk((elements + length - 1) / length, length, [&](std::int64_t begin, std::int64_t end) {
        const std::int64_t first = begin * length;
        for_each_stretch(std::min(end * length, elements) - first, length,
                         [&](std::int64_t offset, std::int64_t count) { visit(first + offset, count); });
    });
}

}  // namespace eigenbit::internal
