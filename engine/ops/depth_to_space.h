#pragma once

#include "engine/ops/arguments.h"
#include "engine/ops/traits.h"

#include <array>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

/// Input: x (N, H, W, C · b²). Output: y (N, H · b, W · b, C) for block size b.
struct DepthToSpace {
    static constexpr std::string_view kType = "DepthToSpace";
    static constexpr std::array kInputs{InputRole::activation};
    static constexpr Int8 kInt8 = Int8::moves_bytes;
    enum class Order {
        depth_first,   ///< channel (dy · b + dx) · C + c (ONNX: DCR)
        column_first,  ///< channel c · b² + dy · b + dx (CRD)
    };
    static constexpr std::array<std::string_view, 2> kOrders{"depth_first", "column_first"};

    std::int64_t block = 1;
    Order order = Order::depth_first;

    static void fields(auto& op, auto&& field) {
        field("block", op.block);
        field("order", op.order, kOrders);
    }
};

std::vector<Shape> infer_shapes(const DepthToSpace& depth_to_space, std::span<const Shape> inputs);
void forward(const DepthToSpace& depth_to_space, const ForwardArguments& arguments);
void forward(const DepthToSpace& depth_to_space, const ByteForwardArguments& arguments);
void backward(const DepthToSpace& depth_to_space, const BackwardArguments& arguments);

}  // namespace eigenbit::internal
