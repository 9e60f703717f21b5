#include "engine/formats/onnx/layout.h"

#include "engine/ops/transpose.h"

#include <algorithm>

namespace eigenbit::internal {

int our_axis(int onnx_axis, int rank) { return rank == 4 ? kOurAxis[static_cast<std::size_t>(onnx_axis)] : onnx_axis; }

int onnx_axis(int our_axis, int rank) { return rank == 4 ? kOnnxAxis[static_cast<std::size_t>(our_axis)] : our_axis; }

Shape permuted(const Shape& shape, std::span<const int> permutation) {
    Shape result = shape;
    for (int axis = 0; axis < shape.rank(); ++axis) result[axis] = shape[permutation[static_cast<std::size_t>(axis)]];
    return result;
}

Shape to_our_order(const Shape& onnx) { return onnx.rank() == 4 ? permuted(onnx, kOnnxAxis) : onnx; }

Shape to_onnx_order(const Shape& ours) { return ours.rank() == 4 ? permuted(ours, kOurAxis) : ours; }

Tensor permuted(ConstView values, std::span<const int> permutation) {
    Tensor result(permuted(values.shape, permutation));
    const Transpose transpose{{permutation.begin(), permutation.end()}};
    const View output = result;
    forward(transpose, ForwardArguments{.inputs = {&values, 1}, .outputs = {&output, 1}, .saved = {}});
    return result;
}

Tensor to_our_order(ConstView onnx) { return onnx.shape.rank() == 4 ? permuted(onnx, kOnnxAxis) : Tensor(onnx); }

Tensor to_onnx_order(ConstView ours) { return ours.shape.rank() == 4 ? permuted(ours, kOurAxis) : Tensor(ours); }

std::vector<int> to_our_permutation(std::span<const int> onnx) {
    std::vector<int> ours;
    for (const int axis : kOnnxAxis) ours.push_back(our_axis(onnx[static_cast<std::size_t>(axis)], 4));
    return ours;
}

std::vector<int> remaining_to_onnx_order(std::span<const int> removed_axes) {
    std::vector<int> remaining;  // ONNX's axes in our order
    for (int axis = 0; axis < 4; ++axis) {
        if (std::ranges::find(removed_axes, axis) == removed_axes.end()) remaining.push_back(onnx_axis(axis, 4));
    }
    std::vector<int> sorted = remaining;
    std::ranges::sort(sorted);
    std::vector<int> permutation;
    for (const int axis : sorted) {
        permutation.push_back(static_cast<int>(std::ranges::find(remaining, axis) - remaining.begin()));
    }
    return permutation;
}

bool same_order(const Shape& ours) { return ours[3] == 1 || ours[1] * ours[2] == 1; }

std::vector<int> composed(std::span<const int> first, std::span<const int> second) {
    std::vector<int> result;
    for (const int axis : second) result.push_back(first[static_cast<std::size_t>(axis)]);
    return result;
}

bool is_identity(std::span<const int> permutation) {
    for (std::size_t axis = 0; axis < permutation.size(); ++axis) {
        if (permutation[axis] != static_cast<int>(axis)) return false;
    }
    return true;
}

}  // namespace eigenbit::internal
