#include "engine/formats/onnx/import/probes.h"

#include "engine/base/error.h"
#include "engine/formats/onnx/layout.h"

#include <algorithm>

namespace eigenbit::internal {

std::int64_t fixed_extent(const ProbedShapes& shapes, int axis) {
    const std::int64_t first = shapes.front()[axis];
    return std::ranges::all_of(shapes, [&](const Shape& shape) { return shape[axis] == first; }) ? first : 0;
}

std::vector<std::int64_t> reshape_extents(const ProbedShapes& from, const ProbedShapes& to) {
    std::vector<std::int64_t> extents;
    for (int axis = 0; axis < to.front().rank(); ++axis) {
        bool copied = axis < from.front().rank() && fixed_extent(from, axis) == 0;
        for (std::size_t probe = 0; copied && probe < to.size(); ++probe) copied = to[probe][axis] == from[probe][axis];
        const std::int64_t fixed = fixed_extent(to, axis);
        extents.push_back(copied ? 0 : (fixed != 0 ? fixed : -1));
    }
    if (std::ranges::count(extents, -1) > 1) {
        fail("a reshape from {} to {} depends on the batch or the image size in more than one dimension",
             to_string(from.front()), to_string(to.front()));
    }
    return extents;
}

bool same_order(const ProbedShapes& ours) {
    return std::ranges::all_of(ours, [](const Shape& shape) { return same_order(shape); });
}

ProbedShapes to_our_order(const ProbedShapes& onnx) {
    ProbedShapes ours;
    for (const Shape& shape : onnx) ours.push_back(to_our_order(shape));
    return ours;
}

ProbedShapes to_onnx_order(const ProbedShapes& ours) {
    ProbedShapes onnx;
    for (const Shape& shape : ours) onnx.push_back(to_onnx_order(shape));
    return onnx;
}

}  // namespace eigenbit::internal
