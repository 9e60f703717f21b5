#pragma once

#include "compress/curves/activation_curves.h"
#include "engine/graph/graph.h"

#include <vector>

namespace eigenbit::internal {

/// How the quantizers of activations are chosen.
struct ActivationQuantizerOptions {
    ActivationDepths depths;
    double lambda = 0.0;  ///< what a bit of an image's activations costs, in the output's mean squared change
    SamplingOptions sampling;
};

/// A quantizer that was given to a value.
struct ChosenQuantizer {
    std::int64_t elements = 0;  ///< of one image
    int bit_depth = 0;
    double distortion = 0.0;  ///< predicted, the mean squared change of an output element
};

/// Gives quantizers to all activations of a network that are worth one (quantizer_candidates) and have none, each of
/// the depth that minimises D + λ · depth · elements, for images (N, H, W, C). Bases whose layers save multiplications
/// where they run as two get one for the value between, and so do run as two.
std::vector<ChosenQuantizer> quantize_activations(Graph& graph, ConstView images,
                                                  const ActivationQuantizerOptions& options);

/// Lets `to`, which differs from `from` in the values of parameters, have the quantizers of `from`.
void copy_quantizers(const Graph& from, Graph& to);

}  // namespace eigenbit::internal
