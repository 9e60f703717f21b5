#pragma once

#include "compress/candidates.h"
#include "compress/gradient_samples.h"

#include <optional>

namespace eigenbit {

/// What is left of a disturbance of the output once each output channel's gain and shift are put right (method section
/// 10).
struct CorrectionResidual {
    Matrix projector;    ///< (samples, samples): e ↦ e less its ridge regression on the channels' gains and shifts
    double scale = 1.0;  ///< samples / (samples − effective parameters): undoes the optimism of the fit
};

CorrectionResidual correction_residual(const GradientSamples& samples, ConstView weights);

/// How the distortion of a candidate is judged: w·D + (1 − w)·(D that remains after the correction).
struct Judgement {
    double weight = 1.0;  ///< w; 1 is the plain distortion
    std::optional<CorrectionResidual> residual;
};

/// Fills in the distortion of every candidate of every block from projected gradients (Gauss–Newton, method section 5):
/// the mean over the samples of ⟨g, dΘ⟩², divided by the number of outputs. No forward passes.
void predict_distortions(LayerCurves& layer, const GradientSamples& samples, const Judgement& judgement,
                         std::int64_t outputs);

}  // namespace eigenbit
