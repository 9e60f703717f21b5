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
/// is half a step off). Blocks of input channels, whose steps differ, have one scale for all of them, of which the
/// points of their grids are rounded to multiples, if that is fine enough to add little to the error that their steps
/// make. All else is rounded to 255 levels, each output channel for itself. Codes are of at most this magnitude, of
/// which fewer are left where it is less than 127.
ByteWeights byte_weights(const Parameter& parameter, int largest_code = 127);

}  // namespace eigenbit
