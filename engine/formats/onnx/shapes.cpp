#include "engine/formats/onnx/shapes.h"

#include "engine/base/error.h"

#include <algorithm>
#include <array>
#include <numeric>

namespace eigenbit::internal {

Shape reshaped(std::vector<std::int64_t> extents, bool zero_is_empty, const Shape& input) {
    std::int64_t known = 1;
    int open = -1;
    for (int axis = 0; axis < static_cast<int>(extents.size()); ++axis) {
        std::int64_t& extent = extents[static_cast<std::size_t>(axis)];
        if (extent == 0 && !zero_is_empty) {
            if (axis >= input.rank())
                fail("extent {} of {} cannot be copied from {}", axis, extents.size(), to_string(input));
            extent = input[axis];
        }
        if (extent == -1) {
            if (open >= 0) fail("two extents are -1");
            open = axis;
            extent = 1;
        } else if (extent < 0) {
            fail("an extent is {}", extent);
        } else if (extent > 0 && known > (std::int64_t{1} << 40) / extent) {
            fail("the shape asked for is too large");
        } else {
            known *= extent;
        }
    }
    if (open >= 0 && known != 0) extents[static_cast<std::size_t>(open)] = input.elements() / known;
    const Shape result(extents);
    if (result.elements() != input.elements()) fail("{} cannot be seen as {}", to_string(input), to_string(result));
    return result;
}

Shape reshaped(const OnnxNode& node, const Shape& input) {
    const auto extents = node.integers("shape", 1);
    if (!extents) fail("'shape' is missing");
    return reshaped(*extents, node.integer("allowzero").value_or(0) != 0, input);
}

Shape flattened(const OnnxNode& node, const Shape& input) {
    const std::int64_t axis = node.integer("axis").value_or(1);
    const int split = axis == input.rank() ? input.rank() : normalized_axis(axis, input.rank());
    return {input.elements(0, split), input.elements(split, input.rank())};
}

Shape squeezed(const OnnxNode& node, const Shape& input) {
    const auto axes = node.integers("axes", 1);
    std::vector<bool> dropped(static_cast<std::size_t>(input.rank()));
    for (int axis = 0; !axes && axis < input.rank(); ++axis) dropped[static_cast<std::size_t>(axis)] = input[axis] == 1;
    for (const std::int64_t axis : axes.value_or(std::vector<std::int64_t>{})) {
        const int position = normalized_axis(axis, input.rank());
        if (input[position] != 1) fail("axis {} of {} cannot be squeezed", axis, to_string(input));
        dropped[static_cast<std::size_t>(position)] = true;
    }
    std::vector<std::int64_t> kept;
    for (int axis = 0; axis < input.rank(); ++axis) {
        if (!dropped[static_cast<std::size_t>(axis)]) kept.push_back(input[axis]);
    }
    return Shape(kept);
}

Shape unsqueezed(const OnnxNode& node, const Shape& input) {
    const auto axes = node.integers("axes", 1);
    if (!axes) fail("'axes' is missing");
    const int rank = input.rank() + static_cast<int>(axes->size());
    if (rank > Shape::kMaxRank) fail("the result would have {} dimensions", rank);
    std::vector<std::int64_t> extents(static_cast<std::size_t>(rank), 0);
    for (const std::int64_t axis : *axes) extents[static_cast<std::size_t>(normalized_axis(axis, rank))] = 1;
    if (std::ranges::count(extents, 1) != static_cast<std::ptrdiff_t>(axes->size())) fail("'axes' names an axis twice");
    const std::int64_t* next = input.begin();
    for (std::int64_t& extent : extents) extent = extent == 1 ? 1 : *next++;
    return Shape(extents);
}

std::vector<int> permutation(const OnnxNode& node, int rank) {
    const auto given = node.integers("perm");
    std::vector<int> result(static_cast<std::size_t>(rank));
    if (!given) {
        std::iota(result.rbegin(), result.rend(), 0);
        return result;
    }
    if (given->size() != result.size()) fail("'perm' names {} axes of {}", given->size(), rank);
    std::ranges::transform(*given, result.begin(), [&](std::int64_t axis) { return normalized_axis(axis, rank); });
    std::vector<int> sorted = result;
    std::ranges::sort(sorted);
    if (std::ranges::adjacent_find(sorted) != sorted.end()) fail("'perm' names an axis twice");
    return result;
}

std::vector<Slice::Range> slice_ranges(const OnnxNode& node, int rank) {
    const auto starts = node.integers("starts", 1);
    const auto ends = node.integers("ends", 2);
    if (!starts || !ends) fail("'starts' or 'ends' is missing");
    std::vector<std::int64_t> in_order(starts->size());
    std::iota(in_order.begin(), in_order.end(), std::int64_t{0});
    const auto axes = node.integers("axes", 3).value_or(in_order);
    const auto steps = node.has_input(4) ? node.constant(4).integers() : std::vector<std::int64_t>(starts->size(), 1);
    if (ends->size() != starts->size() || axes.size() != starts->size() || steps.size() != starts->size()) {
        fail("{} starts, {} ends, {} axes and {} steps do not match", starts->size(), ends->size(), axes.size(),
             steps.size());
    }
    std::vector<Slice::Range> ranges(static_cast<std::size_t>(rank));
    for (std::size_t i = 0; i < starts->size(); ++i) {
        if (steps[i] == 0) fail("a step is 0");
        ranges[static_cast<std::size_t>(normalized_axis(axes[i], rank))] = {(*starts)[i], (*ends)[i], steps[i]};
    }
    return ranges;
}

PointPositions point_positions(const OnnxNode& node, const Shape& input) {
    const Constant& indices = node.constant(1);
    const std::int64_t batch_axes = node.integer("batch_dims").value_or(0);
    const int rank = indices.shape.rank();
    const std::int64_t coordinates = rank == 0 ? 0 : indices.shape.back();
    if (batch_axes < 0 || batch_axes >= rank || coordinates < 1 || coordinates > input.rank() - batch_axes) {
        fail("positions of shape {} and {} batch axes do not fit an input of shape {}", to_string(indices.shape),
             batch_axes, to_string(input));
    }
    const auto batches = static_cast<int>(batch_axes);
    for (int axis = 0; axis < batches; ++axis) {
        if (indices.shape[axis] == input[axis]) continue;
        fail("axis {} has {} positions, for an extent of {}", axis, indices.shape[axis], input[axis]);
    }
    PointPositions result{
        batches + static_cast<int>(coordinates), {}, Shape(std::span(indices.shape.begin(), indices.shape.end() - 1))};
    const std::int64_t points = result.shape.elements();
    const std::int64_t of_one_batch = result.shape.elements(batches, rank - 1);
    const std::int64_t* coordinate = indices.integers().data();
    for (std::int64_t point = 0; point < points; ++point) {
        std::int64_t position = point / of_one_batch;
        for (int axis = batches; axis < result.axes; ++axis) {
            const std::int64_t along_axis = *coordinate < 0 ? *coordinate + input[axis] : *coordinate;
            if (along_axis < 0 || along_axis >= input[axis]) {
                fail("position {} along axis {} is outside a value of shape {}", *coordinate, axis, to_string(input));
            }
            position = position * input[axis] + along_axis;
            ++coordinate;
        }
        result.positions.push_back(position);
    }
    return result;
}

Shape with_first_axes(const Shape& first, const Shape& input, int axes) {
    std::vector<std::int64_t> extents(first.begin(), first.end());
    extents.insert(extents.end(), input.begin() + axes, input.end());
    return Shape(extents);
}

Shape with_leading_ones(const Shape& shape, int rank) {
    std::vector<std::int64_t> extents(static_cast<std::size_t>(std::max(rank - shape.rank(), 0)), 1);
    extents.insert(extents.end(), shape.begin(), shape.end());
    return Shape(extents);
}

Shape without_leading_ones(const Shape& shape) {
    const std::int64_t* first = shape.begin();
    while (shape.end() - first > 1 && *first == 1) ++first;
    return Shape(std::span(first, shape.end()));
}

}  // namespace eigenbit::internal
