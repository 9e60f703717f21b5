#pragma once

#include "engine/kernels/f32/packed_weights.h"
#include "engine/kernels/f32/winograd_weights.h"

namespace eigenbit::internal {

/// What one node keeps of its weights between runs, in the layouts that the kernels read.
struct WeightCache {
    PackedWeights forward;
    PackedWeights input_gradient;
    WinogradWeights winograd_forward;
    WinogradWeights winograd_input_gradient;
    bool current = false;  ///< what forward reads holds the weights as they are now
};

}  // namespace eigenbit::internal
