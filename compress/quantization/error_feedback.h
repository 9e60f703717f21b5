#pragma once

#include "compress/quantization/quantized_layer.h"
#include "compress/statistics/gradient_samples.h"

namespace eigenbit::internal {

/// How errors of a layer's weights, seen as an O × K matrix (K = taps · I), disturb the output: D(dΘ) = tr(G · dΘ · A ·
/// dΘᵗ). The Kronecker product that has the same second moments along both sides as the projected gradients.
struct ErrorMetric {
    Matrix outputs;  ///< G, O × O
    Matrix inputs;   ///< A, K × K
};

/// `moments` are those of the samples; `outputs` is the number of the network's outputs, over which distortions are
/// averaged.
ErrorMetric error_metric(const GradientSamples& samples, const GradientMoments& moments, std::int64_t outputs);

/// Indices of a layer quantized as chosen, but one coefficient after the other, each making up for what the errors
/// before it do to the output (successive cancellation; GPTQ, Frantar et al. 2023, does so with the inputs' second
/// moments alone), and each taking the index that minimises D + λ·bits. Bases are rounded first, and the coefficients
/// are those that fit rounded bases; where these have no inverse, or the metric is not positive definite, all are
/// merely rounded.
BlockIndices quantize_with_feedback(const TransformCurves& curves, const LayerChoice& choice, const ErrorMetric& metric,
                                    ConstView weights, double lambda);

}  // namespace eigenbit::internal
