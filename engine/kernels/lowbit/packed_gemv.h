#pragma once

#include "engine/base/quantized.h"
#include "engine/kernels/int8/convolution.h"
#include "engine/kernels/lowbit/gemv_packer.h"

#include <cstdint>
#include <span>
#include <vector>

namespace eigenbit::internal {

/// The weights (O, I) of a fully-connected layer in up to 8 bits each, for products with bytes: y =
/// clamp(function(scale[o] · Σ (x − zero_point) · weight + bias[o] + residual_scale · residual)). Blocks of depth 0
/// take neither memory nor time. Made for few rows of x, where reading the weights is most of the work.
class PackedGemv {
  public:
    /// Whether all blocks have 8 bits or less.
    static bool can_pack(const Quantized& quantized);

    /// The levels must be valid, and ones that can be packed; they are read block by block, so that those of the whole
    /// matrix need never be in memory. Throws Error where they cannot be read.
    PackedGemv(const Quantized& quantized, std::uint8_t zero_point, const Int8Channels& channels,
               const CpuImplementation& implementation = active_cpu_implementation());

    /// x is (rows, I), and kReadBeyond bytes after it must be readable. Runs on oneTBB.
    void run(const std::uint8_t* x, std::int64_t rows, const Int8Output& output) const;

    static constexpr std::int64_t kReadBeyond = 8 * kMostTupleLevels - 1;

    std::int64_t outputs() const { return static_cast<std::int64_t>(bias_.size()); }
    /// Of the weights and all that belongs to outputs.
    std::int64_t weight_bytes() const;

  private:
    /// Neighbouring outputs that a kernel computes together, all of the same blocks.
    struct Panel {
        MatrixRange outputs;
        std::size_t first_segment, segment_count;
    };

    void add_segments(const PackedBlock& block, std::size_t panel, std::size_t first_range, std::size_t range_count);
    void take_zero_point_off(const PackedBlock& block, std::span<const MatrixRange> panels, std::size_t panel,
                             std::uint8_t zero_point);
    std::vector<std::int32_t> input_sums(const std::uint8_t* x) const;
    void finish(const Panel& panel, std::int64_t row, const float* sums, const Int8Output& output) const;

    std::int64_t inputs_;
    const Int8Kernels* kernels_;
    std::vector<PackedLevels> blocks_;
    std::vector<Panel> panels_;
    std::vector<LowbitSegment> segments_;      // of panel after panel
    std::vector<std::size_t> segment_ranges_;  // which range of inputs a segment has
    std::vector<MatrixRange> ranges_;          // of inputs, so short that 32 bits hold the sums of their products
    std::vector<float> scale_;                 // (O)
    std::vector<float> bias_;                  // (O)
    std::vector<float> slopes_;                // as Int8Channels
};

}  // namespace eigenbit::internal
