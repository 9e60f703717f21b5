#pragma once

#include "engine/graph.h"

namespace eigenbit {

enum class FoldInto {
    float_layers,
    all_layers,  ///< of quantized weights the channel gains are scaled
};

/// Merges every batch normalization that follows a convolution or fully-connected layer into it: weights and bias are
/// scaled so that inference gives the same values. Pairs whose intermediate value has another reader or is rounded stay
/// as they are. Returns how many were merged.
int fold_batch_normalization(Graph& graph, FoldInto layers = FoldInto::float_layers);

}  // namespace eigenbit
