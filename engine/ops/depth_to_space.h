#pragma once

#include "engine/ops/arguments.h"

#include <string_view>
#include <vector>

namespace eigenbit {

/// Input: x (N, H, W, C · b²). Output: y (N, H · b, W · b, C) for block size b.
struct DepthToSpace {
    static constexpr std::string_view kType = "DepthToSpace";
    enum class Order {
        depth_first,
        column_first
    };  ///< ONNX DCR: channel = (dy · b + dx) · C + c; CRD: c · b² + dy · b + dx

    std::int64_t block = 1;
    Order order = Order::depth_first;
};

std::vector<Shape> infer_shapes(const DepthToSpace& depth_to_space, std::span<const Shape> inputs);
void forward(const DepthToSpace& depth_to_space, const ForwardArguments& arguments);
void backward(const DepthToSpace& depth_to_space, const BackwardArguments& arguments);

}  // namespace eigenbit
