#pragma once

#include "engine/parameter.h"

#include <cstdint>
#include <vector>

namespace eigenbit {

/// A layer's weights as bytes: value = scale[output channel] · index, laid out like the parameter's values.
struct ByteWeights {
    std::vector<std::int8_t> indices;
    std::vector<float> scale;
};

/// The parameter's own indices where an output channel's have one step and fit (twice the index plus one where the grid
/// is half a step off); otherwise its values rounded to 255 levels.
ByteWeights byte_weights(const Parameter& parameter);

}  // namespace eigenbit
