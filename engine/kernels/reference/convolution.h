#pragma once

#include "engine/kernels/f32/convolution.h"

namespace eigenbit::internal {

/// Plain loops, slow, summed in double: what the kernels are tested against. Arguments as in convolution.h, with
/// weights (O, KH, KW, I / groups) as they are.
void convolution_forward_reference(const ConvolutionGeometry& geometry, const float* x, const float* weights,
                                   const ConvolutionEpilogue& epilogue, float* y);
void convolution_input_gradient_reference(const ConvolutionGeometry& geometry, const float* dy, const float* weights,
                                          bool accumulate, float* dx);
void convolution_weight_gradient_reference(const ConvolutionGeometry& geometry, const float* x, const float* dy,
                                           bool accumulate, float* dw, float* db);

}  // namespace eigenbit::internal
