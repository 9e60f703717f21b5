#pragma once

#include "engine/base/tensor.h"

#include <string_view>

namespace eigenbit::internal {

/// An axis of a layer's weight (O, KH, KW, I) or (O, I) that a transform mixes and blocks cut; the taps of a kernel
/// count as one.
enum class Axis {
    row,     ///< input channels: the matrix view is I × (O · taps)
    column,  ///< output channels: O × (taps · I)
    taps     ///< the taps inside a kernel: taps × (O · I)
};

/// "row", "column", "taps"
std::string_view to_string(Axis axis);

/// A weight's shape as (O, taps, I).
Shape with_one_tap_axis(const Shape& weight);

/// Its position in weights of shape (O, taps, I).
constexpr int tensor_axis(Axis axis) { return axis == Axis::column ? 0 : axis == Axis::taps ? 1 : 2; }

/// How long the axis is in weights of shape (O, taps, I).
inline std::int64_t extent(const Shape& shape, Axis axis) { return shape[tensor_axis(axis)]; }

}  // namespace eigenbit::internal
