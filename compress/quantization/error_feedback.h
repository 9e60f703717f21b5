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

/// Levels of a layer by error feedback in the style of GPTQ (Frantar et al. 2023), which uses the inputs' second
/// moments alone: coefficients are quantized one after the other, each compensates the effect that earlier errors have
/// on the output, and takes the level that minimises D + λ·bits. Bases are rounded first and coefficients fitted to the
/// rounded bases. Where these have no inverse, or the metric is not positive definite, all values are rounded without
/// feedback.
BlockLevels quantize_with_feedback(const TransformCurves& curves, const LayerChoice& choice, ErrorMetric metric,
                                   ConstView weights, double lambda);

/// The memory that it takes for a layer of weights (O, taps, I).
std::int64_t feedback_bytes(const Shape& shape);

}  // namespace eigenbit::internal
