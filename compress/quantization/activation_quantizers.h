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

/// The quantizer chosen for an activation.
struct ChosenQuantizer {
    std::int64_t elements = 0;  ///< of one image
    int bit_depth = 0;
    double distortion = 0.0;  ///< predicted, the mean squared change of an output element
};

/// Gives quantizers to all quantizer_candidates of a network that have none, each of the depth that minimises
/// D + λ · depth · elements, for images (N, H, W, C). Where a layer with a basis takes fewer multiplications as two
/// layers, the value between them gets a quantizer too: the layer then runs as two.
std::vector<ChosenQuantizer> quantize_activations(Graph& graph, ConstView images,
                                                  const ActivationQuantizerOptions& options);

/// Lets `to`, which differs from `from` in the values of parameters, have the quantizers of `from`.
void copy_quantizers(const Graph& from, Graph& to);

}  // namespace eigenbit::internal
