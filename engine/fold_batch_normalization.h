#pragma once

#include "engine/graph.h"

namespace eigenbit {

/// Merges every batch normalization that follows a convolution or fully-connected layer into it: weights and bias are
/// scaled so that inference gives the same values. Pairs whose intermediate value has another reader or is rounded, and
/// layers with quantized weights, stay as they are. Returns how many were merged.
int fold_batch_normalization(Graph& graph);

}  // namespace eigenbit
