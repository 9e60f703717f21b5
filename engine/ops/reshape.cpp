#include "engine/ops/reshape.h"

#include "engine/base/error.h"
#include "engine/ops/shape_rules.h"
#include "engine/ops/strided.h"

namespace eigenbit::internal {
namespace {

void move_elements(const Reshape&, const auto& arguments) {
    copy_rows(1, arguments.inputs[0].elements(), {arguments.outputs[0].data, 1}, {arguments.inputs[0].data, 1});
}

}  // namespace

std::vector<Shape> infer_shapes(const Reshape& reshape, std::span<const Shape> inputs) {
    expect_inputs(reshape.kType, inputs, 1, 1);
    const Shape& x = inputs[0];
    const auto misfit = [&] {
        fail("Reshape to ({}) does not fit an input of shape {}.", joined(reshape.extents), to_string(x));
    };
    std::vector<std::int64_t> extents = reshape.extents;
    int inferred = -1;
    Shape not_copied = x;  // copied extents are the same on both sides; without them, a batch of 0 images divides well
    std::vector<std::int64_t> given;
    for (std::size_t axis = 0; axis < extents.size(); ++axis) {
        const int a = static_cast<int>(axis);
        if (extents[axis] == 0 || extents[axis] <= -2) {
            const std::int64_t source = extents[axis] == 0 ? a : -2 - extents[axis];
            if (source >= x.rank()) misfit();
            const int copied = static_cast<int>(source);
            extents[axis] = x[copied];
            not_copied[copied] = 1;
        } else if (extents[axis] == -1) {
            if (inferred >= 0) misfit();
            inferred = a;
            extents[axis] = 1;
        } else {
            given.push_back(extents[axis]);
        }
    }
    if (inferred >= 0) {
        const std::int64_t others = Shape(given).elements();
        if (not_copied.elements() % others != 0) misfit();
        extents[static_cast<std::size_t>(inferred)] = not_copied.elements() / others;
    }
    const Shape y(extents);
    if (y.elements() != x.elements()) misfit();
    return {y};
}

void forward(const Reshape& reshape, const ForwardArguments& arguments) { move_elements(reshape, arguments); }

void forward(const Reshape& reshape, const ByteForwardArguments& arguments) { move_elements(reshape, arguments); }

void backward(const Reshape&, const BackwardArguments& arguments) {
    const View dx = arguments.input_gradients[0];
    if (dx.data == nullptr) return;
    add_rows(1, dx.elements(), {dx.data, 1}, {arguments.output_gradients[0].data, 1});
}

}  // namespace eigenbit::internal
