#pragma once

#include "engine/base/quantized.h"
#include "engine/kernels/int8/convolution.h"

#include <cstdint>
#include <span>
#include <vector>

namespace eigenbit::internal {

/// The weights (O, I) of a fully-connected layer in 1 to 8 bits each, as their blocks have them, for products with
/// bytes: y = clamp(scale[o] · Σ (x − zero_point) · weight + bias[o] + residual_scale · residual). Blocks of depth 0
/// take neither memory nor time. Made for few rows of x, where reading the weights is most of the work.
class PackedGemv {
  public:
    /// Whether all blocks have 8 bits or less.
    static bool can_pack(const Quantized& quantized);

    /// Scale and bias are (O). The levels must be valid, and ones that can be packed.
    PackedGemv(const Quantized& quantized, std::uint8_t zero_point, std::span<const float> scale,
               std::span<const float> bias, const CpuImplementation& implementation = active_cpu_implementation());

    /// x is (rows, I), and kReadBeyond bytes after it must be readable. Runs on oneTBB.
    void run(const std::uint8_t* x, std::int64_t rows, const Int8Output& output) const;

    static constexpr std::int64_t kReadBeyond = 7;

    std::int64_t outputs() const { return static_cast<std::int64_t>(bias_.size()); }
    /// Of the weights and all that belongs to outputs.
    std::int64_t weight_bytes() const;

  private:
    struct InputRange {
        std::int64_t begin, end;
    };

    /// Neighbouring outputs that a kernel computes together, all of the same blocks.
    struct Panel {
        std::int64_t first_output, outputs;
        std::size_t first_segment, segment_count;
        std::size_t weights;  // where they begin, bytes
    };

    void add_ranges(std::int64_t begin, std::int64_t end);
    void add_panel(const Quantized& quantized, std::int64_t first, std::int64_t outputs,
                   std::span<const QuantizedBlock> blocks);
    void add_segment(const Quantized& quantized, const QuantizedBlock& block, std::size_t range);
    std::vector<std::int32_t> input_sums(const std::uint8_t* x) const;
    void take_zero_point_off(const Quantized& quantized, std::uint8_t zero_point);
    void finish(const Panel& panel, std::int64_t row, const float* sums, const Int8Output& output) const;

    std::int64_t inputs_;
    const Int8Kernels* kernels_;
    std::vector<Panel> panels_;
    std::vector<LowbitSegment> segments_;
    std::vector<std::size_t> segment_ranges_;  // which range of inputs a segment has
    std::vector<InputRange> ranges_;           // so short that 32 bits hold the sums of their products
    AlignedVector<std::uint8_t> weights_;
    std::vector<float> scale_;  // (O)
    std::vector<float> bias_;   // (O)
};

}  // namespace eigenbit::internal
