#pragma once

#include "compress/statistics/gradient_samples.h"

#include <span>
#include <vector>

namespace eigenbit::internal {

/// The share of a lost gain that the correction is assumed to restore when errors are judged. To first order it
/// restores all of it, but a channel that is quantized to almost nothing comes back as amplified noise, and the
/// remainders of many blocks add up: without a price on lost gain, whole layers would be zeroed.
inline constexpr double kTrustedGain = 0.7;

/// What the label-free correction does to first order to an error dΘ of one layer's weights.
///
/// Over the calibration images let z be the input patch of the layer and y = Θz. The correction gives every output
/// channel k its mean and its variance back, that is it adds −dθ_k·z̄ to the channel and multiplies it by 1 −
/// dθ_k·cov(z, y_k) / var(y_k). Both are linear in dΘ, so the output is disturbed as if by another, smaller error.
struct CorrectionModel {
    Tensor mean_patch;  ///< z̄ seen by each output channel, (O, taps, I)
    Tensor slope;       ///< cov(z, y_k) / var(y_k), (O, taps, I)
};

/// One model for each layer, from images (N, H, W, C).
std::vector<CorrectionModel> correction_models(const Graph& graph, std::span<const Layer> layers, ConstView images);

/// Turns gradients with respect to the weights into gradients with respect to what the correction leaves of their
/// errors: ⟨g, dΘ⟩ becomes the change of the output after the correction, of which other images get the share `trust`.
void apply_correction(const CorrectionModel& model, double trust, ConstView weights, GradientSamples& samples);

}  // namespace eigenbit::internal
