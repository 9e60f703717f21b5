#include "engine/ops/slice.h"

#include "engine/base/error.h"
#include "engine/ops/shape_rules.h"
#include "engine/ops/strided.h"

#include <algorithm>

namespace eigenbit::internal {
namespace {

/// Where the slice begins in the input, and the input's strides along the axes of the slice.
struct Selection {
    std::int64_t offset = 0;
    Strides strides{};

    Selection(const Slice& slice, const Shape& x) {
        const Strides own = dense_strides(x);
        for (std::size_t axis = 0; axis < slice.ranges.size(); ++axis) {
            const SlicePositions positions = select(slice.ranges[axis], x[static_cast<int>(axis)]);
            offset += positions.begin * own[axis];
            if (positions.count > 1) strides[axis] = own[axis] * slice.ranges[axis].step;
        }
    }
};

void move_elements(const Slice& slice, const auto& arguments) {
    const auto x = arguments.inputs[0];
    const auto y = arguments.outputs[0];
    const Selection selection(slice, x.shape);
    copy_strided({y.shape, {dense_strides(y.shape), selection.strides}}, y.data, x.data + selection.offset);
}

}  // namespace

SlicePositions select(const Slice::Range& range, std::int64_t extent) {
    const std::int64_t first = range.step > 0 ? 0 : -1;  // where a walk backwards may end
    const std::int64_t last = range.step > 0 ? extent : extent - 1;
    const auto position = [&](std::int64_t p) { return p < 0 ? p + extent : p; };
    const std::int64_t begin = std::clamp(position(range.begin), std::min<std::int64_t>(0, last), last);
    const std::int64_t end = std::clamp(position(range.end), first, last);
    const std::int64_t distance = range.step > 0 ? end - begin : begin - end;
    if (distance <= 0) return {0, 0};
    // For a negative step (1 − distance) / step, so that its lowest value needs no negation.
    return {begin, (range.step > 0 ? (distance - 1) / range.step : (1 - distance) / range.step) + 1};
}

std::vector<Shape> infer_shapes(const Slice& slice, std::span<const Shape> inputs) {
    expect_inputs(slice.kType, inputs, 1, 1);
    Shape y = inputs[0];
    if (slice.ranges.size() != static_cast<std::size_t>(y.rank())) {
        fail("Slice has {} ranges for an input of shape {}.", slice.ranges.size(), to_string(y));
    }
    for (int axis = 0; axis < y.rank(); ++axis) {
        const Slice::Range& range = slice.ranges[static_cast<std::size_t>(axis)];
        if (range.step == 0) fail("Slice has the step 0 along axis {}.", axis);
        y[axis] = select(range, y[axis]).count;
    }
    return {y};
}

void forward(const Slice& slice, const ForwardArguments& arguments) { move_elements(slice, arguments); }

void forward(const Slice& slice, const ByteForwardArguments& arguments) { move_elements(slice, arguments); }

void backward(const Slice& slice, const BackwardArguments& arguments) {
    const View dx = arguments.input_gradients[0];
    const ConstView dy = arguments.output_gradients[0];
    if (dx.data == nullptr) return;
    const Selection selection(slice, dx.shape);
    add_strided({dy.shape, {selection.strides, dense_strides(dy.shape)}}, dx.data + selection.offset, dy.data);
}

}  // namespace eigenbit::internal
