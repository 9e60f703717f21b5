#pragma once

// Shared with the instruction sets' translation units; for what that means see f32/kernels.h.

#include "engine/kernels/f32/kernels.h"

#include <stddef.h>
#include <stdint.h>

namespace eigenbit::internal {

/// Vectors of outputs in a panel of a packed matrix, and of channels in a panel of a depthwise convolution: the four
/// into which quads of bytes fall.
constexpr size_t kQuadVectors = 4;

/// The largest sum of weights of one sign by which 16 bits with sign hold the products, whatever the bytes they are of.
constexpr int kLargestInt16WeightSum = INT16_MAX / UINT8_MAX;

/// Inputs that lie together: `quads` runs of four from a pixel's first input + offset on. Where there are fewer inputs,
/// up to three after them are read too, and meet weights of 0.
struct InputSegment {
    ptrdiff_t offset;  // bytes
    size_t quads;      // unused by depthwise convolutions, of which each segment is one tap; four by four, filled up by
                       // the first again, whose weights there are 0
};

/// Where the pixels of a block find their inputs: PixelGrid for bytes. Inputs whose weights are all 0 belong to no
/// segment.
struct Int8PixelGrid {
    const uint8_t* source;
    ptrdiff_t row_stride, column_stride;  // bytes
    size_t columns;
    const InputSegment* segments;  // (segment_count)
    size_t segment_count;
};

/// A number that floats are divided by, and the two that x / value is fma(x, reciprocal, x · rest) with:
/// reciprocal = 1 / value and rest = fma(−reciprocal, value, 1) / value.
struct Int8Divisor {
    float value, reciprocal, rest;
};

/// What becomes of a layer's outputs y before they are stored: f(y), and of bytes
/// zero + round(f(y) / step), ties to even. Every operation is rounded.
struct Int8Function {
    enum class Kind {
        none,          // bytes are round(y)
        leaky_relu,    // y where y ≥ 0, the output channel's slope · y elsewhere
        hard_sigmoid,  // min(1, max(0, slope · y + offset))
        hard_swish,    // x · min(1, (x + 3) / 6), where x = max(−3, y)
        exponential,   // see f32/exponential_tiles.h
    };
    Kind kind;
    float slope, offset;  // of hard_sigmoid
    Int8Divisor six;
    Int8Divisor step;  // as zero of bytes alone
    float zero;
    ExponentialFunction exponential{};
};

/// One panel of output channels at the pixels pixel_begin … pixel_end-1 of the raster. Of each output,
/// min(high, max(low, function(sum · scale + bias + residual · residual_scale))) is stored, where
/// sum = start + Σ input · weight and every product and sum of floats is rounded; to the nearest integer, ties to even,
/// when the output is bytes.
struct Int8Block {
    Int8PixelGrid grid;
    size_t pixel_begin, pixel_end;
    // Dense: (quads of all segments, vectors * width, 4). Depthwise: (taps / 4, kQuadVectors * width, 4), taps rounded
    // up, channels in the order of int8/depthwise_tiles.h; so are those of start, scale, bias and slopes.
    const int8_t* weights;
    const uint8_t* int16_runs;  // dense: see int16_runs.h; may be null where the sums of every quad fit
    bool pair_runs;             // dense: int16_runs are int16_pair_runs()
    const uint8_t* quads_fit;   // depthwise: whether 16 bits hold the sums of the pairs of products, by four taps
    size_t vectors;             // dense: at most panel_vectors
    size_t channels;            // output channels that exist, more than (vectors - 1) * width
    const int32_t* start;       // (vectors * width)
    const float* scale;         // (vectors * width)
    const float* bias;          // (vectors * width)
    const float* slopes;        // (vectors * width) of Int8Function::Kind::leaky_relu; null where it is another
    float* output;              // of pixel (0, 0) of the raster, the panel's first channel; null when it is bytes
    uint8_t* output_bytes;
    const float* residual;  // laid out like the output; null when there is none or it is bytes
    const uint8_t* residual_bytes;
    ptrdiff_t output_row_stride, output_column_stride;  // elements
    Int8Function function;
    float residual_scale, low, high;  // low and high lie in 0 … 255 when the output is bytes
};

/// Weights of less than 8 bits, unpacked just before they are multiplied: `runs` times `registers` vectors of four
/// bytes a lane, each byte values[index] where the factor is 0, else values[0] + factor · index.
struct PackedCodes {
    const uint8_t*
        packed;   // indices of `bits` bits: each run in units of lowbit/bit_plane_tiles.h, the last one filled up
    size_t bits;  // 1 … 7
    size_t runs, registers;
    int8_t* target;
    size_t target_stride;  // bytes between the beginnings of runs
    int factor;            // 0 of up to 4 bits, 1 or 2 of more
    const int8_t* values;  // (16)
};

/// Rounds floats to bytes: y = zero + min(high, max(low, (scale[c] · x + shift[c]) / step)) to the nearest integer,
/// ties to even, for rows of `columns` values c. It divides, as the definition of levels says: values in the middle
/// between two, as those of images often are, go the same way everywhere. zero is an integer; low and high lie in −zero
/// … 255 − zero.
struct QuantizeRows {
    const float* x;
    uint8_t* y;
    ptrdiff_t x_stride, y_stride;  // elements from row to row
    size_t rows, columns;
    const float* scale;  // (columns)
    const float* shift;  // (columns)
    float step, zero, low, high;
};

/// A product of matrices of floats: y[r, c] = Σ_k a[r, k] · b[k, c], with k from 0 on and every product and sum
/// rounded, so that its bits are the same on every CPU.
struct RoundedProduct {
    const float* a;
    const float* b;
    float* y;
    ptrdiff_t a_stride, b_stride, y_stride;  // floats from row to row
    size_t rows, depth, columns;
};

/// A level of a packed matrix that differs from what its index stands for. From the lowest bit: which of eight inputs,
/// 3 bits; the lane of the panel, 6 bits; how many eights its inputs come after those of the last exception, or after
/// the segment's first, 3 bits; and what is added, 4 bits with sign, where 0 says that the next 16 bits hold it.
using LowbitException = uint16_t;

/// Indices of a packed matrix that stand for several levels do so for those at the same place of neighbouring quads of
/// inputs: two in 4 or 5 bits, three in 5. The fifth bit turns the signs of what the others stand for.
constexpr size_t kMostTupleLevels = 3;

/// Inputs of a packed matrix whose levels have one code, step and offset, for one panel of outputs.
struct LowbitSegment {
    size_t begin;  // the first input
    size_t inputs;
    size_t units;   // of 8 · tuple inputs; those that are too many have levels of 0
    uint8_t tuple;  // levels that an index stands for
    uint8_t bits;   // of an index; 1 … 8 for a single level, which is index − shift
    int32_t shift;  // 0 for 8 bits, which have a sign, and for tuples
    float step, offset;
    const uint8_t* weights;  // in units of lowbit/bit_plane_tiles.h
    const int8_t* codebook;  // (tuple, 16) of the four lowest bits; null for single levels
    const LowbitException* exceptions;
    size_t exception_count;  // 16 bits each
};

/// One panel of outputs of a product of a packed matrix and a vector of bytes:
/// sums[o] = Σ_segments step · (Σ level · x + offset · Σ x).
struct LowbitGemv {
    const uint8_t* x;
    const LowbitSegment* segments;
    size_t segment_count;
    const int32_t* input_sums;  // (segment_count) Σ x
    float* sums;                // (kQuadVectors * width)
};

/// The kernels of one instruction set that multiply bytes: activations of 8 bits without sign with weights of 8 bits
/// with sign, summed in 32 bits without saturation; and that make bytes. Single-threaded; no pointer needs to be
/// aligned.
struct Int8Kernels {
    size_t width;            // 32-bit integers in a vector
    size_t panel_vectors;    // most vectors of output channels in a panel
    bool accumulates_int16;  // whether it is faster to sum products in 16 bits where these hold them
    void (*convolution)(const Int8Block& block);
    void (*depthwise_convolution)(const Int8Block& block);
    void (*gemv_lowbit)(const LowbitGemv& product);
    void (*unpack_codes)(const PackedCodes& codes);
    void (*quantize_rows)(const QuantizeRows& rounding);
    void (*rounded_product)(const RoundedProduct& product);
};

#define EIGENBIT_INSTRUCTION_SET(name, float_kernels, int8_kernels, ...)                                               \
    namespace int8_kernels {                                                                                           \
    extern const Int8Kernels kInt8Kernels;                                                                             \
    }
#include "engine/kernels/instruction_sets.def"

}  // namespace eigenbit::internal
