#pragma once

#include "engine/kernels/int8/coded_weights.h"
#include "engine/weights/weight.h"

#include <cstdint>
#include <vector>

namespace eigenbit::internal {

/// A layer's weights in int8: value = scale[output channel] · code, laid out like the weight.
struct Int8Weights {
    std::vector<std::int8_t> codes;
    std::vector<float> scale;
    std::vector<std::int64_t> input_cuts;  ///< where blocks of input channels begin that have few codes

    CodedWeights coded() const { return {codes, input_cuts}; }
};

/// The weight's own levels where an output channel's have one step and fit (twice the level plus one where the grid
/// is half a step off). Blocks of input channels, whose steps differ, have one scale for all of them: the largest to
/// multiples of which their values can be rounded with next to nothing added to the error that their steps make, if
/// there is one. All else is rounded, each output channel for itself, as finely as codes allow. In kernels of several
/// taps, what rounding takes from a weight is given to the same input's at the next tap: inputs that lie side by side
/// are alike, so that most of the errors cancel.
///
/// Such rounding leaves room: two neighbours sum to at most kLargestInt16WeightSum, and so do, of one sign, those and
/// the same two of the next quad, so that 16 bits hold the sums of their products with any activations, on which AVX2's
/// speed depends. It costs up to one of the eight bits, on every CPU alike: the weights depend on nothing but the file.
Int8Weights int8_weights(const Weight& weight);

/// Their values, in the shape of the weight that they were made of.
Tensor image(const Int8Weights& weights, const Shape& shape);

/// The codes as levels of a weight of this shape, with a step for each output channel.
Quantized levels_of(const Int8Weights& weights, const Shape& shape);

}  // namespace eigenbit::internal
