#pragma once

#include "engine/kernels/coded_weights.h"
#include "engine/weights/weight.h"

#include <cstdint>
#include <vector>

namespace eigenbit {

/// A layer's weights as bytes: value = scale[output channel] · code, laid out like the weight.
struct ByteWeights {
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
/// are alike, so that most of the errors cancel. The weights depend on nothing else, such as the CPU.
ByteWeights byte_weights(const Weight& weight);

}  // namespace eigenbit
