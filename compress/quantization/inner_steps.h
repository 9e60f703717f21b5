#pragma once

#include "engine/weights/product.h"

namespace eigenbit::internal {

/// Gives one step to all channels of an inner value in the factor that reads it (the kernel after a row basis, a column
/// basis after the kernel) by moving the ratios to the factor that computes it, whose output channels may have any
/// scale. The image stays the same but for the rounding of floats. Where the layer runs as two, the levels of the
/// reader then are its int8 weights, and the channels of the inner value have variances that are alike, as its
/// quantizer wants them: allocation makes each step inversely proportional to the standard deviation of what it
/// multiplies (reverse water-filling, method section 3). Factors stay as they are where int8 does not hold the levels,
/// or a step would leave the grid.
void equalize_inner_steps(Product& product);

}  // namespace eigenbit::internal
