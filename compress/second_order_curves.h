#pragma once

#include "compress/candidates.h"
#include "compress/gradient_samples.h"

namespace eigenbit {

/// Fills in the distortion of every candidate of every block from projected gradients (Gauss–Newton, method section 5):
/// the mean over the samples of ⟨g, dΘ⟩², divided by the number of outputs. No forward passes.
void predict_distortions(LayerCurves& layer, const GradientSamples& samples, std::int64_t outputs);

}  // namespace eigenbit
