#pragma once

#include "engine/kernels/loops/convolution_geometry.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace eigenbit::internal {

/// One spatial axis of a pass. Output j (of `outputs`) reads the source at origin + j * step + taps[t], and lies at
/// first + j * spacing in the target.
struct LoopAxis {
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
struct ConvolutionLoops {
    std::int64_t images;
    LoopAxis y, x;
    std::int64_t source_channels, target_channels, groups;
    bool depthwise;

    bool padded() const { return y.padded() || x.padded(); }
    /// Rows of the source that `rows` rows of outputs span, and columns that a whole row does.
    std::int64_t source_rows(std::int64_t rows) const { return (rows - 1) * y.step + y.reach() + 1; }
    std::int64_t source_columns() const { return (x.outputs - 1) * x.step + x.reach() + 1; }
    /// Inputs multiplied for each output: taps * channels of a group.
    std::int64_t depth() const;
};

ConvolutionLoops forward_pass(const ConvolutionGeometry& geometry);
/// stride[0] * stride[1] passes that together write every element of dx once.
std::vector<ConvolutionLoops> input_gradient_passes(const ConvolutionGeometry& geometry);

/// Merges all pixels of all images into one row where each output reads the one input below it.
void flatten_pixels(ConvolutionLoops& pass);

/// Some rows of outputs of some images of a pass, and the source channels that a task reads of them.
struct PassRows {
    std::int64_t first_image, images;
    std::int64_t first_row, rows;
    std::int64_t first_channel, channels;
};

/// The source of such rows, without borders. Elements are float or std::uint8_t.
template <typename Element>
struct SourceBand {
    const Element* source;                                // of the first output, channel first_channel
    std::int64_t pixel_stride, row_stride, image_stride;  // elements between source pixels, rows and images
    // Runs of inputs that lie together: offsets from an output's first input.
    std::vector<std::ptrdiff_t> segments;
    std::size_t segment_length;
};

/// Where the rows lie in `source` (the whole tensor); or, when the pass is padded, in a copy with `border` for what
/// lies outside of the image, in memory of this thread that the next call reuses. The copy may be read three elements
/// past its end.
template <typename Element>
SourceBand<Element> source_band(const ConvolutionLoops& pass, const Element* source, const PassRows& rows,
                                Element border = 0);

/// Rows of outputs of which the source of so many channels makes a band of about this many elements; at least one. All
/// rows are divided equally.
std::int64_t band_rows(const ConvolutionLoops& pass, std::int64_t channels, std::int64_t elements);

/// Whether the columns of a kernel row lie together in a band, so that they make one segment.
bool joins_columns(const ConvolutionLoops& pass);

}  // namespace eigenbit::internal
