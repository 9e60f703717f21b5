#pragma once

#include "engine/base/tensor.h"

#include <span>
#include <string_view>

namespace eigenbit::internal {

/// Throws Error unless the operator has between `least` and `most` inputs.
void expect_inputs(std::string_view type, std::span<const Shape> inputs, std::size_t least, std::size_t most);

/// Throws Error unless 0 ≤ axis < rank of the input.
void expect_axis(std::string_view type, int axis, const Shape& input);

/// The shape that numpy's rules broadcast both to: aligned at the last axis, an extent 1 repeats. Throws Error.
Shape broadcast_shape(std::string_view type, const Shape& a, const Shape& b);

}  // namespace eigenbit::internal
