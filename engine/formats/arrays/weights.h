#pragma once

#include "engine/formats/arrays/arrays.h"
#include "engine/graph/graph.h"

#include <span>
#include <string>
#include <vector>

namespace eigenbit::internal {

/// The parameters of a network by name, as PyTorch keeps them: convolution weights (O, I, KH, KW), the columns of a
/// fully-connected layer after a flattened image (C, H, W). Quantized weights are the values that they stand for, gains
/// a part of them.
std::vector<NamedArray> weights_of(const Graph& graph);

/// What became of a file of weights.
struct TakenWeights {
    std::vector<std::string> taken;   ///< parameters that have the file's values now
    std::vector<std::string> kept;    ///< parameters that the file does not have
    std::vector<std::string> unused;  ///< arrays that the network does not have
    std::vector<std::string> unfit;   ///< sentences about arrays of another shape than the parameter of their name
};

/// Gives the network's float parameters the values of arrays of the same name, in the order that weights_of has. A
/// prefix "module." or "model." that all arrays share does not count, nor do PyTorch's counters of batches. Throws
/// Error where no name is the same, or the parameter is quantized.
TakenWeights take_weights(Graph& graph, std::span<const NamedArray> arrays);

}  // namespace eigenbit::internal
