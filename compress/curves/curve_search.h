#pragma once

#include "compress/quantization/block.h"

#include <vector>

namespace eigenbit::internal {

/// The search for the candidates of one block that are worth measuring: which to measure next, given those measured so
/// far (by position in the curve), whose distortions are then known. Empty when the search is over.
std::vector<std::size_t> next_to_measure(const Curve& curve, const std::vector<bool>& measured);

/// What a finished search makes of a curve: "all zero", then the best step of every depth and offset, or of unclipped
/// levels all that was measured.
Curve found_curve(const Curve& curve, const std::vector<bool>& measured);

/// The candidates of a curve among these that lie on the lower convex hull of bits and distortion, by rising bits.
std::vector<std::size_t> lower_convex_hull(const Curve& curve, const std::vector<bool>& considered);

}  // namespace eigenbit::internal
