#pragma once

#include "engine/ops/arguments.h"

#include <string_view>
#include <vector>

namespace eigenbit {

/// The inverse of Concat: one output for each size along the axis.
struct Split {
    static constexpr std::string_view kType = "Split";

    int axis = 0;
    std::vector<std::int64_t> sizes;
};

std::vector<Shape> infer_shapes(const Split& split, std::span<const Shape> inputs);
void forward(const Split& split, const ForwardArguments& arguments);
void backward(const Split& split, const BackwardArguments& arguments);

}  // namespace eigenbit
