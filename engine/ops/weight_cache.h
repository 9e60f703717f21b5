#pragma once

#include "engine/kernels/packed_weights.h"
#include "engine/kernels/winograd_weights.h"

namespace eigenbit {

/// What one node keeps of its weights between runs, in the layouts that the kernels read.
struct WeightCache {
    PackedWeights forward;
    PackedWeights input_gradient;
    WinogradWeights winograd_forward;
    WinogradWeights winograd_input_gradient;
    bool current = false;  ///< what forward reads holds the weights as they are now
};

}  // namespace eigenbit
