#pragma once

#include "engine/base/tensor.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace eigenbit::internal {

/// A value's shape at each probe: a network is looked at for several batches and image sizes at once, and what is the
/// same at all of them does not depend on them.
using ProbedShapes = std::vector<Shape>;

/// The extent along an axis where it is the same at all probes, else 0.
std::int64_t fixed_extent(const ProbedShapes& shapes, int axis);

/// The extents of a Reshape that leads from these shapes to those: what they share is copied (0), what depends on the
/// batch or the image size remains open (−1), or is copied from another axis (−2 − axis) where that is more than one
/// extent. Throws Error when that does not suffice.
std::vector<std::int64_t> reshape_extents(const ProbedShapes& from, const ProbedShapes& to);
/// The same; none where more than one extent would remain open.
std::optional<std::vector<std::int64_t>> find_reshape_extents(const ProbedShapes& from, const ProbedShapes& to);

/// Whether images of our shapes have their elements in the same order in ONNX's: one channel, or one pixel.
bool same_order(const ProbedShapes& ours);

/// "(?, 3, 224, 224)": ? for what depends on the batch or the image size.
std::string to_string(const ProbedShapes& shapes);
/// (N, C, L) as the image (N, C, 1, L), in ONNX's order.
Shape row_as_image(const Shape& row);

ProbedShapes to_our_order(const ProbedShapes& onnx);
ProbedShapes to_onnx_order(const ProbedShapes& ours);

}  // namespace eigenbit::internal
