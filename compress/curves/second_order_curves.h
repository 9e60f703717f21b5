#pragma once

#include "compress/curves/candidates.h"
#include "compress/statistics/gradient_samples.h"

namespace eigenbit::internal {

/// Fills in the distortion of every candidate of every block from projected gradients (Gauss–Newton, method section 5):
/// the mean over the samples of ⟨g, dΘ⟩², divided by the number of outputs. No forward passes.
void predict_distortions(TransformCurves& layer, const GradientSamples& samples, std::int64_t outputs);

}  // namespace eigenbit::internal
