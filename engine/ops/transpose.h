#pragma once

#include "engine/ops/arguments.h"

#include <string_view>
#include <vector>

namespace eigenbit {

/// Output axis k is input axis permutation[k].
struct Transpose {
    static constexpr std::string_view kType = "Transpose";

    std::vector<int> permutation;
};

std::vector<Shape> infer_shapes(const Transpose& transpose, std::span<const Shape> inputs);
void forward(const Transpose& transpose, const ForwardArguments& arguments);
void backward(const Transpose& transpose, const BackwardArguments& arguments);

}  // namespace eigenbit
