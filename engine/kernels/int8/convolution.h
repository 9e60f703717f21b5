#pragma once

#include "engine/base/aligned_vector.h"
#include "engine/kernels/cpu.h"
#include "engine/kernels/loops/convolution_geometry.h"
#include "engine/kernels/loops/weight_panels.h"
#include "engine/kernels/lowbit/codebook_panels.h"

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace eigenbit::internal {

/// What makes values of an int8 layer's sums, (O).
struct Int8Channels {
    std::span<const float> scale, bias;
    std::span<const float> slopes{};  // of Int8Function::Kind::leaky_relu; empty where the layer's function is another
};

/// Where the outputs of an integer convolution go, (N, OH, OW, O), and what happens to them before.
/// Exactly one of `floats` and `bytes` is given, at most one residual, which may be the output itself.
struct Int8Output {
    float* floats = nullptr;
    std::uint8_t* bytes = nullptr;  // rounded to the nearest integer; low and high must lie in 0 … 255
    const float* residual = nullptr;
    const std::uint8_t* residual_bytes = nullptr;
    float residual_scale = 1.0F;
    Int8Function function{};
    float low = -std::numeric_limits<float>::infinity();
    float high = std::numeric_limits<float>::infinity();
    std::int64_t first_row = 0;  // of the outputs: what lies where the memory begins; run_rows sets it
};

/// A convolution of bytes: y = clamp(function(scale[o] · Σ (x − zero_point) · weight + bias[o] + residual_scale ·
/// residual)).
/// The sums are exact integers of 32 bits, of parts of the filters where 32 bits might not hold the whole; x outside of
/// the image is the zero point. Weights lie in memory in the bits that their codes need, and are unpacked to bytes
/// panel by panel, for each band of pixels once.
class Int8Convolution {
  public:
    Int8Convolution(const ConvolutionGeometry& geometry, const CodedWeights& weights, std::uint8_t zero_point,
                    const Int8Channels& channels,
                    const CpuImplementation& implementation = active_cpu_implementation());

    /// x is (N, H, W, I), and three bytes after it must be readable. Runs on oneTBB.
    void run(const std::uint8_t* x, const Int8Output& output) const;

    /// Whether rows can be computed by themselves: not so where sums have several parts, or rows are run as one.
    bool has_rows() const { return rest_.empty() && pass_.y.outputs == geometry_.oh && pass_.images == geometry_.n; }
    /// The rows begin … end-1 of the first image's outputs, to where `output` begins. Without a residual.
    void run_rows(const std::uint8_t* x, std::int64_t begin, std::int64_t end, const Int8Output& output) const;

    const ConvolutionGeometry& geometry() const { return geometry_; }
    /// Of the weights and all that belongs to output channels.
    std::int64_t weight_bytes() const;

  private:
    void pack(const CodedWeights& weights, const Int8Channels& channels);
    void pack_depthwise(std::span<const std::int8_t> weights);
    /// Where a panel's channels begin among all lanes, and which of the panel's lanes a channel of it has.
    std::int64_t lanes_before(std::size_t panel) const;
    std::int64_t lane_of(std::int64_t channel) const;
    void choose_word_runs();
    const std::int8_t* panel_weights(std::size_t panel, const SourceBand<std::uint8_t>& band,
                                     std::vector<InputSegment>& segments) const;
    void run_own(const std::uint8_t* x, const Int8Output& output) const;
    void run_pixels(const std::uint8_t* x, const Int8Output& output, std::int64_t images, std::int64_t begin,
                    std::int64_t end) const;
    void run_part(const std::uint8_t* x, const Int8Output& output, const PanelPart& part, const PassRows& rows,
                  std::int64_t begin, std::int64_t end) const;

    ConvolutionGeometry geometry_;
    ConvolutionLoops pass_;
    const Int8Kernels* kernels_;
    std::uint8_t zero_point_;
    std::int64_t pixels_together_ = 1;  // neighbours in a row that a depthwise convolution computes as channels of one
    std::vector<WeightPanel> panels_;
    CodebookPanels coded_;                               // of a convolution that is not depthwise
    std::vector<std::vector<std::uint8_t>> int16_runs_;  // by panel, where the kernels need them
    bool pair_runs_ = false;                             // as Int8Block
    AlignedVector<std::int8_t> depthwise_weights_;       // panel after panel, as the kernels read them
    std::vector<std::uint8_t> quads_fit_;                // by panel, of each four taps of depthwise weights
    std::vector<std::int32_t> start_;                    // by lane of the panels, as those after it
    std::vector<float> scale_;
    std::vector<float> bias_;
    std::vector<float> slopes_;  // empty where Int8Channels' are
    /// At most one: of the products that come after those whose sums 32 bits hold; it adds its own to theirs.
    std::vector<Int8Convolution> rest_;
};

}  // namespace eigenbit::internal
