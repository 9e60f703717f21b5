#pragma once

#include "engine/base/aligned_vector.h"
#include "engine/base/quantized.h"
#include "engine/kernels/int8/kernels.h"

#include <cstdint>
#include <span>
#include <vector>

namespace eigenbit::internal {

/// Neighbouring inputs, or outputs, of a matrix.
struct MatrixRange {
    std::int64_t begin, end;
    std::int64_t size() const { return end - begin; }
};

/// What segments of a block of a matrix point to.
struct PackedLevels {
    AlignedVector<std::uint8_t> weights;
    std::vector<std::int8_t> codebooks;
    std::vector<LowbitException> exceptions;

    std::int64_t bytes() const;
};

/// A block of a matrix as the kernels of PackedGemv read it.
struct PackedBlock {
    PackedLevels levels;
    std::vector<LowbitSegment> segments;     ///< (panels, ranges)
    std::vector<std::int64_t> level_sums{};  ///< (ranges, outputs of the panels): of each output's levels
};

/// Packs a block of more than 0 bits of a matrix (O, I) in the fewest bytes, panel by panel and range by range: indices
/// of single levels or of tuples of them, and few exceptions, levels without an index. The panels and ranges are those
/// that the block covers. Runs on oneTBB. Throws Error where the levels cannot be read.
PackedBlock pack_block(const Quantized& matrix, std::size_t block, std::span<const MatrixRange> panels,
                       std::span<const MatrixRange> ranges, const Int8Kernels& kernels);

}  // namespace eigenbit::internal
