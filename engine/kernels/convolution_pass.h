#pragma once

#include "engine/kernels/convolution_geometry.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace eigenbit {

/// One spatial axis of a pass. Output j (of `outputs`) reads the source at origin + j * step + taps[t], and lies at
/// first + j * spacing in the target.
struct PassAxis {
    std::int64_t source_extent, target_extent;
    std::int64_t origin, step;
    std::int64_t outputs, first, spacing;
    std::vector<std::int64_t> taps;          // ascending, from 0
    std::vector<std::int64_t> kernel_index;  // (taps): which row or column of the kernel each tap is

    std::int64_t reach() const { return taps.empty() ? 0 : taps.back(); }
    /// Whether outputs read outside of the source.
    bool padded() const;
};

/// A convolution as the kernels run it: a plain sum over taps. The forward direction is one pass; the input gradient is
/// one for each phase of the stride, with dy as its source and a flipped part of the kernel.
struct ConvolutionPass {
    std::int64_t images;
    PassAxis y, x;
    std::int64_t source_channels, target_channels, groups;
    bool depthwise;

    bool padded() const { return y.padded() || x.padded(); }
    /// Rows of the source that `rows` rows of outputs span, and columns that a whole row does.
    std::int64_t source_rows(std::int64_t rows) const { return (rows - 1) * y.step + y.reach() + 1; }
    std::int64_t source_columns() const { return (x.outputs - 1) * x.step + x.reach() + 1; }
    /// Inputs multiplied for each output: taps * channels of a group.
    std::int64_t depth() const;
};

ConvolutionPass forward_pass(const ConvolutionGeometry& geometry);
/// stride[0] * stride[1] passes that together write every element of dx once.
std::vector<ConvolutionPass> input_gradient_passes(const ConvolutionGeometry& geometry);

/// Merges all pixels of all images into one row where each output reads the one input below it.
void flatten_pixels(ConvolutionPass& pass);

/// Offsets of the runs of inputs that lie together, from a pixel's first input.
struct PassSegments {
    std::vector<std::ptrdiff_t> offsets;
    std::size_t length;

    /// For source rows of row_stride floats.
    PassSegments(const ConvolutionPass& pass, std::int64_t row_stride);
};

/// The source of some rows of a pass's outputs in one image or several, without borders.
struct PassBand {
    const float* source;                    // of the first output
    std::int64_t row_stride, image_stride;  // floats between source rows and images
};

/// Copies what `rows` rows of outputs of each image read, and zeros for what lies outside of the image, into memory of
/// this thread that the next call reuses.
PassBand padded_band(const ConvolutionPass& pass, const float* source, std::int64_t images, std::int64_t first_row,
                     std::int64_t rows);

/// The source as it lies in memory, for a pass that is not padded.
PassBand plain_band(const ConvolutionPass& pass, const float* source, std::int64_t first_row);

/// Rows of outputs whose source makes a band of about `bytes`; at least one.
std::int64_t band_rows(const ConvolutionPass& pass, std::int64_t bytes);

}  // namespace eigenbit
