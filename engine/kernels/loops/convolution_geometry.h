#pragma once

#include <array>
#include <cstdint>

namespace eigenbit::internal {

/// A two-dimensional convolution: x (N, H, W, I), weights (O, KH, KW, I / groups), y (N, OH, OW, O).
/// Pairs are (vertical, horizontal). Output row oy reads input rows oy * stride - pad.top + kh * dilation.
struct ConvolutionGeometry {
    std::int64_t n = 1, h = 1, w = 1, i = 1;
    std::int64_t o = 1, kh = 1, kw = 1;
    std::int64_t oh = 1, ow = 1;
    std::array<std::int64_t, 2> stride{1, 1};
    std::array<std::int64_t, 2> dilation{1, 1};
    std::array<std::int64_t, 4> pad{};  // top, left, bottom, right
    std::int64_t groups = 1;

    /// One filter a channel, which has kernels of its own.
    bool depthwise() const { return groups > 1 && groups == i && groups == o; }
    std::int64_t multiply_adds() const { return n * oh * ow * o * kh * kw * (i / groups); }
};

/// The rows or columns of the output: floor((extent + pads - dilation * (kernel - 1) - 1) / stride) + 1.
constexpr std::int64_t convolution_output_extent(std::int64_t extent, std::int64_t pads, std::int64_t kernel,
                                                 std::int64_t dilation, std::int64_t stride) {
    return (extent + pads - dilation * (kernel - 1) - 1) / stride + 1;
}

}  // namespace eigenbit::internal
