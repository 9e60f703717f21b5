#include "engine/ops/transpose.h"

#include "engine/base/error.h"
#include "engine/ops/shape_rules.h"
#include "engine/ops/strided.h"

#include <array>

namespace eigenbit::internal {
namespace {

/// The input's strides along the axes of the output.
Strides permuted_strides(const Transpose& transpose, const Shape& x) {
    const Strides own = dense_strides(x);
    Strides strides{};
    for (std::size_t axis = 0; axis < transpose.permutation.size(); ++axis) {
        strides[axis] = own[static_cast<std::size_t>(transpose.permutation[axis])];
    }
    return strides;
}

void move_elements(const Transpose& transpose, const auto& arguments) {
    const auto x = arguments.inputs[0];
    const auto y = arguments.outputs[0];
    copy_strided({y.shape, {dense_strides(y.shape), permuted_strides(transpose, x.shape)}}, y.data, x.data);
}

}  // namespace

std::vector<Shape> infer_shapes(const Transpose& transpose, std::span<const Shape> inputs) {
    expect_inputs(transpose.kType, inputs, 1, 1);
    const Shape& x = inputs[0];
    std::array<bool, Shape::kMaxRank> used{};
    bool fits = transpose.permutation.size() == static_cast<std::size_t>(x.rank());
    for (std::size_t axis = 0; fits && axis < transpose.permutation.size(); ++axis) {
        const int from = transpose.permutation[axis];
        fits = from >= 0 && from < x.rank() && !used[static_cast<std::size_t>(from)];
        if (fits) used[static_cast<std::size_t>(from)] = true;
    }
    if (!fits) {
        fail("Transpose by ({}) is no permutation of the axes of {}.", joined(transpose.permutation), to_string(x));
    }
    Shape y = x;
    for (int axis = 0; axis < x.rank(); ++axis) y[axis] = x[transpose.permutation[static_cast<std::size_t>(axis)]];
    return {y};
}

void forward(const Transpose& transpose, const ForwardArguments& arguments) { move_elements(transpose, arguments); }

void forward(const Transpose& transpose, const ByteForwardArguments& arguments) { move_elements(transpose, arguments); }

void backward(const Transpose& transpose, const BackwardArguments& arguments) {
    const View dx = arguments.input_gradients[0];
    const ConstView dy = arguments.output_gradients[0];
    if (dx.data == nullptr) return;
    add_strided({dy.shape, {permuted_strides(transpose, dx.shape), dense_strides(dy.shape)}}, dx.data, dy.data);
}

}  // namespace eigenbit::internal
