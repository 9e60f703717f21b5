#pragma once

#include "engine/kernels/coded_weights.h"
#include "engine/parameter.h"

#include <cstdint>
#include <vector>

namespace eigenbit {

/// A layer's weights as bytes: value = scale[output channel] · code, laid out like the parameter's values.
struct ByteWeights {
    std::vector<std::int8_t> codes;
    std::vector<float> scale;
    std::vector<std::int64_t> input_cuts;  ///< where blocks of input channels begin that have few codes

    CodedWeights coded() const { return {codes, input_cuts}; }
};

/// The parameter's own indices where an output channel's have one step and fit (twice the index plus one where the grid
/// is half a step off). Blocks of input channels, whose steps differ, have one scale for all of them: the largest to
/// multiples of which their values can be rounded with next to nothing added to the error that their steps make, or
/// else little. All else is rounded to codes of up to `largest_code`, each output channel for itself. No code exceeds
/// that, but for -128 with 127.
ByteWeights byte_weights(const Parameter& parameter, int largest_code = 127);

}  // namespace eigenbit
