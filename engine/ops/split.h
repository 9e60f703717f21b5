#pragma once

#include "engine/ops/arguments.h"
#include "engine/ops/traits.h"

#include <array>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

/// The inverse of Concat: one output for each size along the axis.
struct Split {
    static constexpr std::string_view kType = "Split";
    static constexpr std::array kInputs{InputRole::activation};
    static constexpr Int8 kInt8 = Int8::moves_bytes;

    int axis = 0;
    std::vector<std::int64_t> sizes;

    static void fields(auto& op, auto&& field) {
        field("axis", op.axis);
        field("sizes", op.sizes);
    }
};

std::vector<Shape> infer_shapes(const Split& split, std::span<const Shape> inputs);
void forward(const Split& split, const ForwardArguments& arguments);
void forward(const Split& split, const ByteForwardArguments& arguments);
void backward(const Split& split, const BackwardArguments& arguments);

}  // namespace eigenbit::internal
