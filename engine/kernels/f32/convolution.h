#pragma once

#include "engine/kernels/cpu.h"
#include "engine/kernels/f32/packed_weights.h"

#include <cstdint>
#include <limits>

namespace eigenbit::internal {

// A sum of n products is off by less than n · 2⁻²⁴ · Σ|product|, a long one by much less (long_sums.h).

/// What happens to the sums of a forward convolution: y = min(high, max(low, sum + bias + residual)).
struct ConvolutionEpilogue {
    const float* bias = nullptr;      // (O)
    const float* residual = nullptr;  // (N, OH, OW, O); may be y itself
    float low = -std::numeric_limits<float>::infinity();
    float high = std::numeric_limits<float>::infinity();
};

/// y (N, OH, OW, O) = x (N, H, W, I) convolved with weights packed by pack_forward_weights for the same kernel size,
/// channels and groups (n, h, w and the padding may differ). Runs on oneTBB; results do not depend on the number of
/// threads.
void convolution_forward(const ConvolutionGeometry& geometry, const float* x, const PackedWeights& weights,
                         const ConvolutionEpilogue& epilogue, float* y);

/// dx (N, H, W, I) = or, when `accumulate`, += the gradient dy (N, OH, OW, O) carried back through weights packed by
/// pack_input_gradient_weights.
void convolution_input_gradient(const ConvolutionGeometry& geometry, const float* dy, const PackedWeights& weights,
                                bool accumulate, float* dx);

/// dw (O, KH, KW, I / groups) and db (O), where not null, = or, when `accumulate`, += the gradients of weights and
/// bias, given x (N, H, W, I) and dy (N, OH, OW, O). The workspace, allocated where null, has as many floats as
/// convolution_weight_gradient_workspace says.
void convolution_weight_gradient(const ConvolutionGeometry& geometry, const float* x, const float* dy, bool accumulate,
                                 float* dw, float* db, float* workspace = nullptr,
                                 const CpuImplementation& implementation = active_cpu_implementation());
std::int64_t
convolution_weight_gradient_workspace(const ConvolutionGeometry& geometry,
                                      const CpuImplementation& implementation = active_cpu_implementation());

}  // namespace eigenbit::internal
