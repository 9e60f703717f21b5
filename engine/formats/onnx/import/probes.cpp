#include "engine/formats/onnx/import/probes.h"

#include "engine/base/error.h"
#include "engine/formats/onnx/layout.h"

#include <algorithm>

namespace eigenbit::internal {

std::int64_t fixed_extent(const ProbedShapes& shapes, int axis) {
    const std::int64_t first = shapes.front()[axis];
    return std::ranges::all_of(shapes, [&](const Shape& shape) { return shape[axis] == first; }) ? first : 0;
}

namespace {

bool is_same(const ProbedShapes& a, int axis_of_a, const ProbedShapes& b, int axis_of_b) {
    return std::ranges::equal(a, b,
                              [&](const Shape& one, const Shape& other) { return one[axis_of_a] == other[axis_of_b]; });
}

}  // namespace

std::optional<std::vector<std::int64_t>> find_reshape_extents(const ProbedShapes& from, const ProbedShapes& to) {
    std::vector<std::int64_t> extents;
    for (int axis = 0; axis < to.front().rank(); ++axis) {
        const bool copied =
            axis < from.front().rank() && fixed_extent(from, axis) == 0 && is_same(from, axis, to, axis);
        const std::int64_t fixed = fixed_extent(to, axis);
        extents.push_back(copied ? 0 : (fixed != 0 ? fixed : -1));
    }
    // One open extent is what remains; others have to be those of other axes.
    for (std::size_t axis = 0; axis < extents.size() && std::ranges::count(extents, -1) > 1; ++axis) {
        if (extents[axis] != -1) continue;
        for (int source = 0; source < from.front().rank() && extents[axis] == -1; ++source) {
            const bool is_free = fixed_extent(from, source) == 0 && std::ranges::count(extents, -2 - source) == 0;
            if (is_free && is_same(from, source, to, static_cast<int>(axis))) extents[axis] = -2 - source;
        }
    }
    if (std::ranges::count(extents, -1) > 1) return std::nullopt;
    return extents;
}

std::vector<std::int64_t> reshape_extents(const ProbedShapes& from, const ProbedShapes& to) {
    if (auto extents = find_reshape_extents(from, to)) return *std::move(extents);
    fail("a reshape from {} to {} depends on the batch or the image size in more than one dimension", to_string(from),
         to_string(to));
}

std::string to_string(const ProbedShapes& shapes) {
    std::vector<std::string> extents;
    for (int axis = 0; axis < shapes.front().rank(); ++axis) {
        const std::int64_t extent = fixed_extent(shapes, axis);
        extents.push_back(extent == 0 ? "?" : std::to_string(extent));
    }
    return formatted("({})", joined(extents));
}

bool same_order(const ProbedShapes& ours) {
    return std::ranges::all_of(ours, [](const Shape& shape) { return same_order(shape); });
}

Shape row_as_image(const Shape& row) { return {row[0], row[1], 1, row[2]}; }

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
