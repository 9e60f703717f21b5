#pragma once

#include "engine/graph/graph.h"

namespace eigenbit::internal {

/// Merges every batch normalization that follows a convolution or fully-connected layer into the layer's gains and
/// bias, so that inference gives the same values; the layer computes the normalization's value under its own id. Pairs
/// whose intermediate value has another reader or a quantizer stay as they are. Returns how many were merged.
int fold_batch_normalization(Graph& graph);

}  // namespace eigenbit::internal
