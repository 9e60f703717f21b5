#pragma once

#include "engine/coding/block_layout.h"
#include "engine/coding/range_coder.h"

#include <cstdint>
#include <span>
#include <vector>

namespace eigenbit {

/// Entropy-codes blocks of indices, one after the other, into one stream. The statistics start afresh with every block:
/// what a block costs depends on nothing but its own indices.
class IndexEncoder {
  public:
    /// Indices in stored order. Returns how long the stream is so far, in bits.
    std::int64_t write(const BlockLayout& layout, std::span<const std::int16_t> indices);
    std::vector<std::uint8_t> finish() && { return std::move(coder_).finish(); }

  private:
    RangeEncoder coder_;
};

/// Reads what IndexEncoder wrote, given the same layouts.
class IndexDecoder {
  public:
    explicit IndexDecoder(std::span<const std::uint8_t> stream) : coder_(stream) {}

    /// Returns how much of the stream has been read, as IndexEncoder did. Throws Error where an index has no 16 bits.
    std::int64_t read(const BlockLayout& layout, std::span<std::int16_t> indices);
    /// All bytes were needed.
    bool at_end() const { return coder_.at_end(); }

  private:
    RangeDecoder coder_;
};

/// What IndexEncoder spends on a block, to within its share of the stream's last byte. The indices are laid out like a
/// parameter of this shape, in which the block takes the whole of `axis`. Costs about as much time as encoding.
double coded_bits(std::span<const std::int16_t> indices, const Shape& shape, int axis);

/// A guess at coded_bits that does not look at the order: the zeroth-order entropy and what learning it costs. Much
/// faster; trained kernels whose neighbouring taps are alike take up to 10 % less.
double estimated_bits(std::span<const std::int16_t> indices);

}  // namespace eigenbit
