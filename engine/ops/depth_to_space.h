#pragma once

#include "engine/ops/arguments.h"
#include "engine/ops/traits.h"

#include <array>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

/// Input: x (N, H, W, C · b · w). Output: y (N, H · b, W · w, C) for blocks of b rows and w columns.
struct DepthToSpace {
    static constexpr std::string_view kType = "DepthToSpace";
    static constexpr std::array kInputs{InputRole::activation};
    static constexpr Int8 kInt8 = Int8::moves_bytes;
    enum class Order {
        depth_first,   ///< channel (dy · w + dx) · C + c (ONNX: DCR)
        column_first,  ///< channel (c · b + dy) · w + dx (CRD)
    };
    static constexpr std::array<std::string_view, 2> kOrders{"depth_first", "column_first"};

    std::int64_t block = 1;
    Order order = Order::depth_first;
    std::int64_t block_width = 0;  ///< 0: as the block is high

    std::int64_t width() const { return block_width == 0 ? block : block_width; }

    static void fields(auto& op, auto&& field) {
        field("block", op.block);
        field("order", op.order, kOrders);
        field("block_width", op.block_width);
    }
};

std::vector<Shape> infer_shapes(const DepthToSpace& depth_to_space, std::span<const Shape> inputs);
void forward(const DepthToSpace& depth_to_space, const ForwardArguments& arguments);
void forward(const DepthToSpace& depth_to_space, const ByteForwardArguments& arguments);
void backward(const DepthToSpace& depth_to_space, const BackwardArguments& arguments);

}  // namespace eigenbit::internal
