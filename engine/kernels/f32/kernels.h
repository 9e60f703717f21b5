#pragma once

// The only header that the instruction sets' translation units share with the rest of the engine. They are compiled
// with flags of their own, so this file and everything it includes must stay free of functions: an inline function
// compiled there can be the copy that the linker keeps for the whole program, which then dies on an older CPU.

#include <stddef.h>
#include <stdint.h>

namespace eigenbit::internal {

/// Where the pixels of a block find their inputs. Pixel (row, column) of a raster `columns` wide multiplies the K =
/// segment_count * length inputs source[row * row_stride + column * column_stride + segments[s] + c], c < length.
/// A segment is a run of inputs that lie together in memory: a kernel row of a dense convolution, else one tap.
struct PixelGrid {
    const float* source;
    ptrdiff_t row_stride, column_stride;  // floats
    size_t columns;
    const ptrdiff_t* segments;  // (segment_count), floats
    size_t segment_count;
    size_t length;
};

/// One panel of output channels at the pixels pixel_begin … pixel_end-1 of the raster. Everything outside the source
/// has been made explicit zeros, so there are no borders here.
struct ForwardBlock {
    PixelGrid grid;
    size_t pixel_begin, pixel_end;
    const float* weights;  // dense: (K, vectors * width); depthwise: (vectors, K, width)
    size_t vectors;        // dense: at most panel_vectors
    size_t channels;       // output channels that exist, more than (vectors - 1) * width
    float* output;         // pixel (0, 0) of the raster, the panel's first channel
    ptrdiff_t output_row_stride, output_column_stride;
    const float* residual;  // laid out like output, added when `finish`; may be null
    const float* bias;      // (channels); may be null
    float low, high;        // the output is clamped when `finish`
    bool accumulate;        // start from the output instead of zero
    bool finish;            // the sums are complete
};

/// Adds the products of whole rasters, one for each image, to `sums`: sums[k, o] += x[pixel, k] * gradient[pixel, o].
struct WeightGradientBlock {
    PixelGrid grid;
    size_t images, rows;
    ptrdiff_t image_stride;  // floats between the images' sources
    const float* gradient;   // of the first pixel, the panel's first channel
    ptrdiff_t gradient_image_stride, gradient_row_stride, gradient_column_stride;
    float* sums;  // laid out like ForwardBlock::weights
    size_t vectors;
    size_t channels;
};

/// A tile whose points are larger is left to plain sums: its roundings would reach pixels that the large value does not
/// touch, infinity and NaN all of its pixels.
constexpr float kLargestWinogradPoint = 65536.0F;

/// One tile on its way to the 36 points of Winograd's F(4×4, 3×3): `channels` of its pixels, 6×6 of a source or 4×4 of
/// an output's gradient, each wherever it lies.
struct WinogradInput {
    const float* const* pixels;  // (36) or (16), row by row
    size_t channels;
    float* points;
    ptrdiff_t point_stride;  // floats between the points
};

/// The sums of a tile's 36 points on their way back to 4×4 outputs.
struct WinogradOutput {
    const float* points;
    ptrdiff_t point_stride;
    size_t channels;
    const float* bias;              // (channels); may be null
    const float* const* residuals;  // (16), added, each where its pixel's lies; may be null
    float low, high;                // the outputs are clamped
    float* const* pixels;           // (16), row by row
};

/// Products of few vectors with the rows of a matrix: output[v, r] = or += sum of matrix[r, k] * vectors[v, k], k <
/// depth.
struct DotBlock {
    const float* matrix;
    ptrdiff_t row_stride;  // floats, as all strides here
    size_t rows;
    const float* vectors;
    ptrdiff_t vector_stride;
    size_t vector_count;
    size_t depth;
    float* output;
    ptrdiff_t output_vector_stride, output_row_stride;
    bool accumulate;
};

/// Few sums of a matrix's rows: outputs[o, c] = or += sum of factors[o, r] * matrix[r, c], r < rows, in that order.
struct AxpyBlock {
    const float* matrix;
    ptrdiff_t row_stride;
    size_t rows, columns;  // at least one row
    const float* factors;
    ptrdiff_t factor_stride;
    float* outputs;
    ptrdiff_t output_stride;
    size_t output_count;
    bool accumulate;
};

/// A function of every element that is made of exponentials.
struct ExponentialFunction {
    enum class Kind { exp, sigmoid, tanh, swish, mish, gelu, gelu_tanh, softplus, erf, exponential_linear };
    Kind kind;
    float rate = 0.0F;                 // swish: x · sigmoid(rate · x); exponential_linear: see there
    float scale = 1.0F, depth = 0.0F;  // exponential_linear: scale · x, where x ≤ 0 scale · depth · (e^(rate · x) − 1)
};

/// The float32 convolution and matrix kernels of one instruction set. Single-threaded; no pointer needs to be aligned.
struct ConvolutionKernels {
    size_t width;          // floats in a vector
    size_t panel_vectors;  // most vectors of output channels in a panel
    void (*forward)(const ForwardBlock& block);
    void (*depthwise_forward)(const ForwardBlock& block);
    void (*weight_gradient)(const WeightGradientBlock& block);
    void (*depthwise_weight_gradient)(const WeightGradientBlock& block);
    /// False where a point is larger than kLargestWinogradPoint, or not a number.
    bool (*winograd_source)(const WinogradInput& tile);
    void (*winograd_gradient)(const WinogradInput& tile);
    void (*winograd_output)(const WinogradOutput& tile);
    void (*dot)(const DotBlock& block);
    void (*axpy)(const AxpyBlock& block);
    /// y[i] = function(x[i]), i < count; x may be y.
    void (*apply_function)(const ExponentialFunction& function, const float* x, float* y, size_t count);
};

#define EIGENBIT_INSTRUCTION_SET(name, float_kernels, ...)                                                             \
    namespace float_kernels {                                                                                          \
    extern const ConvolutionKernels kConvolutionKernels;                                                               \
    }
#include "engine/kernels/instruction_sets.def"

}  // namespace eigenbit::internal
