#pragma once

#include "compress/statistics/gradient_samples.h"
#include "engine/graph/graph.h"

#include <cstdint>
#include <vector>

namespace eigenbit::internal {

/// One way to round a value, and what that does to the network's output.
struct ActivationCandidate {
    ActivationQuantizer quantizer;
    double distortion = 0.0;  ///< predicted, the mean squared change of an output element
};

/// The best quantizer of each depth for one value between layers.
struct ActivationCurve {
    ValueId value = 0;
    std::int64_t elements = 0;                    ///< of one image
    std::vector<ActivationCandidate> candidates;  ///< by rising depth
};

struct ActivationDepths {
    int least = 1;
    int most = 8;
};

/// The curves of all quantizer_candidates without a quantizer yet, for images (N, H, W, C).
///
/// An error â − a of one value changes a projection ⟨v, y⟩ of the output by ⟨∂⟨v, y⟩/∂a, â − a⟩ to first order; the
/// mean square of that over images and random ±1 vectors v is the distortion, summed over all outputs. Each depth takes
/// the step, and the zero point where values are signed, that minimise it: clipping and rounding are weighed by what
/// the output sees of them. The same for any number of threads; each thread needs one image's activations and
/// gradients.
std::vector<ActivationCurve> activation_curves(const Graph& graph, ConstView images, const ActivationDepths& depths,
                                               const SamplingOptions& options);

/// The candidate that minimises D + λ · depth · elements: the trade-off of the weights (method section 8), where each
/// element of an image's activations counts as a weight does.
const ActivationCandidate& cheapest(const ActivationCurve& curve, double lambda);

}  // namespace eigenbit::internal
