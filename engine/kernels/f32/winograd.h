#pragma once

#include "engine/kernels/f32/convolution.h"
#include "engine/kernels/f32/winograd_weights.h"

namespace eigenbit::internal {

// Convolutions of 3×3 taps and stride 1 by Winograd's F(4×4, 3×3): a quarter of the multiplications, and results that
// differ from plain sums by a few roundings more. Like the plain ones (convolution.h) they run on oneTBB, and do not
// depend on the number of threads.
//
// An output is off by less than kWinogradRoundings · 2⁻²⁴ · Σ|weight| times the largest magnitude in its tile of 6×6
// inputs, which may be one that it does not touch. Tiles with points of more than kLargestWinogradPoint, or of NaN, go
// by plain sums as in convolution.h: those where an input is larger, none where all are less than a twentieth of it.
// The weights' gradient has no such tiles: what is large in a tile reaches all taps in any case.

inline constexpr double kWinogradRoundings = 32.0;

/// How often weights are packed: transforming them takes as long as some tiles.
enum class WeightPacking { every_run, once };

/// Whether a convolution has the taps for it, and the channels and pixels to gain from it.
bool suits_winograd(const ConvolutionGeometry& geometry, WeightPacking packing = WeightPacking::every_run);

/// y (N, OH, OW, O) = x (N, H, W, I) convolved with weights packed forward.
void winograd_forward(const ConvolutionGeometry& geometry, const float* x, const WinogradWeights& weights,
                      const ConvolutionEpilogue& epilogue, float* y);

/// dx (N, H, W, I) = or, when `accumulate`, += the gradient dy (N, OH, OW, O) carried back through weights packed for
/// the input gradient.
void winograd_input_gradient(const ConvolutionGeometry& geometry, const float* dy, const WinogradWeights& weights,
                             bool accumulate, float* dx);

/// dw (O, 3, 3, I) = or, when `accumulate`, += the gradient of the weights. The workspace, allocated where null, has as
/// many floats as winograd_weight_gradient_workspace says.
void winograd_weight_gradient(const ConvolutionGeometry& geometry, const float* x, const float* dy, bool accumulate,
                              float* dw, float* workspace = nullptr,
                              const CpuImplementation& implementation = active_cpu_implementation());
std::int64_t winograd_weight_gradient_workspace(const ConvolutionGeometry& geometry,
                                                const CpuImplementation& implementation = active_cpu_implementation());

}  // namespace eigenbit::internal
