#pragma once

#include "engine/ops/arguments.h"
#include "engine/ops/traits.h"

#include <array>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

/// Input: x (N, H · b, W · b, C) for block size b. Output: y (N, H, W, C · b²), with channel (dy · b + dx) · C + c.
struct SpaceToDepth {
    static constexpr std::string_view kType = "SpaceToDepth";
    static constexpr std::array kInputs{InputRole::activation};
    static constexpr Int8 kInt8 = Int8::moves_bytes;

    std::int64_t block = 1;

    static void fields(auto& op, auto&& field) { field("block", op.block); }
};

std::vector<Shape> infer_shapes(const SpaceToDepth& space_to_depth, std::span<const Shape> inputs);
void forward(const SpaceToDepth& space_to_depth, const ForwardArguments& arguments);
void forward(const SpaceToDepth& space_to_depth, const ByteForwardArguments& arguments);
void backward(const SpaceToDepth& space_to_depth, const BackwardArguments& arguments);

}  // namespace eigenbit::internal
