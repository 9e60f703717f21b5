#pragma once

#include "engine/base/tensor.h"
#include "engine/formats/onnx/node.h"
#include "engine/ops/slice.h"

#include <vector>

namespace eigenbit::internal {

/// How ONNX's shape operators read their arguments, whether they act on constants or on activations. All shapes are in
/// ONNX's order; all throw Error when the arguments do not fit the shape.

using ShapeRule = Shape (*)(const OnnxNode&, const Shape&);

/// Reshape: 0 copies an extent (unless it is meant as empty), −1 is what remains.
Shape reshaped(std::vector<std::int64_t> extents, bool zero_is_empty, const Shape& input);
Shape reshaped(const OnnxNode& node, const Shape& input);
/// Flatten: everything before the axis, everything from it on.
Shape flattened(const OnnxNode& node, const Shape& input);
Shape squeezed(const OnnxNode& node, const Shape& input);
Shape unsqueezed(const OnnxNode& node, const Shape& input);
/// Transpose: by default the axes are reversed.
std::vector<int> permutation(const OnnxNode& node, int rank);
/// Slice: one range for each axis.
std::vector<Slice::Range> slice_ranges(const OnnxNode& node, int rank);

/// GatherND: positions in the first axes of the input, seen as one.
struct PointPositions {
    int axes;                             ///< how many of the input's
    std::vector<std::int64_t> positions;  ///< not negative
    Shape shape;                          ///< of the positions, which those axes become
};
PointPositions point_positions(const OnnxNode& node, const Shape& input);
/// What becomes of the input: this shape, and then that of the axes behind those.
Shape with_first_axes(const Shape& first, const Shape& input, int axes);

/// The shape with extents 1 put before it up to this rank; and without the extents 1 that it begins with.
Shape with_leading_ones(const Shape& shape, int rank);
Shape without_leading_ones(const Shape& shape);

}  // namespace eigenbit::internal
