#pragma once

#include "engine/kernels/packed_weights.h"

namespace eigenbit {

/// What one node keeps of its weights between runs, in the layouts that the kernels read.
struct WeightCache {
    PackedWeights forward;
    PackedWeights input_gradient;
    bool current = false;  ///< `forward` holds the weights as they are now
};

}  // namespace eigenbit
