#pragma once

#include "engine/ops/arguments.h"

#include <string_view>
#include <vector>

namespace eigenbit {

/// Inputs of equal shape but for one axis, laid one after the other along it.
struct Concat {
    static constexpr std::string_view kType = "Concat";

    int axis = 0;
};

std::vector<Shape> infer_shapes(const Concat& concat, std::span<const Shape> inputs);
void forward(const Concat& concat, const ForwardArguments& arguments);
void backward(const Concat& concat, const BackwardArguments& arguments);

}  // namespace eigenbit
