#pragma once

#include "engine/coding/block_layout.h"
#include "engine/coding/interval_coder.h"

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace eigenbit::internal {

/// Entropy-codes blocks of levels, one after the other, into one stream. The statistics start afresh with every block:
/// what a block costs depends on nothing but its own levels.
class LevelEncoder {
  public:
    /// Levels in stored order. Returns what all blocks so far cost, in bits, rounded up; what ends the stream adds up
    /// to 8 bytes.
    std::int64_t write(const BlockLayout& layout, std::span<const std::int16_t> levels);
    std::vector<std::uint8_t> finish() && { return std::move(coder_).finish(); }

  private:
    IntervalEncoder coder_;
};

/// Reads what LevelEncoder wrote, given the same layouts.
class LevelDecoder {
  public:
    /// The stream must outlive it.
    explicit LevelDecoder(std::span<const std::uint8_t> stream) : coder_(stream) {}

    /// Told of some channels of a block, from the first one's number on.
    using Visit = std::function<void(std::int64_t first_channel, std::span<const std::int16_t> levels)>;

    /// Calls visit(first channel, levels) for parts of the block, one after the other, each of as many whole channels
    /// as the memory holds, an even number unless it holds all. Throws Error where a level has no 16 bits.
    void read(const BlockLayout& layout, std::span<std::int16_t> memory, const Visit& visit);
    /// Into memory for the whole block.
    void read(const BlockLayout& layout, std::span<std::int16_t> levels) {
        read(layout, levels, [](std::int64_t, std::span<const std::int16_t>) {});
    }
    /// The stream is one that an encoder wrote for the blocks that were read.
    bool at_end() const { return coder_.at_end(); }

  private:
    IntervalDecoder coder_;
};

/// What LevelEncoder spends on a block, to within its share of the stream's end. The levels are laid out like a
/// parameter of this shape, in which the block takes the whole of `axis`. Costs about as much time as encoding.
double coded_bits(std::span<const std::int16_t> levels, const Shape& shape, int axis);

/// A guess at coded_bits that does not look at the order: the zeroth-order entropy and what learning it costs. Much
/// faster; trained kernels whose neighbouring taps are alike take up to 10 % less.
double estimated_bits(std::span<const std::int16_t> levels);

}  // namespace eigenbit::internal
