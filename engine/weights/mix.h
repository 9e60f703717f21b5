#pragma once

#include "engine/weights/axis.h"

namespace eigenbit::internal {

/// The weights (O, taps, I) with the axis mixed by a matrix (rows × extent): its extent becomes rows. Throws Error when
/// the matrix does not fit.
Tensor mix(ConstView weights, Axis axis, ConstView matrix);
/// The same into `result`, (O, taps, I) with rows along the axis.
void mix(ConstView weights, Axis axis, ConstView matrix, View result);

/// The same with every product and sum rounded, in the order of the matrix's columns: its bits are those of every CPU.
Tensor rounded_mix(ConstView weights, Axis axis, ConstView matrix);

/// Σ over columns of a_j · b_jᵗ for the columns a_j, b_j of two matrix views of weights (O, taps, I): (extent of a) ×
/// (extent of b).
Tensor product_of_views(ConstView a, ConstView b, Axis axis);

}  // namespace eigenbit::internal
