#pragma once

#include "engine/ops/arguments.h"

#include <string_view>
#include <vector>

namespace eigenbit {

/// exp(x) normalised to sum 1 along one axis.
struct Softmax {
    static constexpr std::string_view kType = "Softmax";

    int axis = 0;
};

std::vector<Shape> infer_shapes(const Softmax& softmax, std::span<const Shape> inputs);
void forward(const Softmax& softmax, const ForwardArguments& arguments);
void backward(const Softmax& softmax, const BackwardArguments& arguments);

}  // namespace eigenbit
