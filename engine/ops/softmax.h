#pragma once

#include "engine/ops/arguments.h"
#include "engine/ops/traits.h"

#include <array>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

/// exp(x) normalised to sum 1 along one axis, or the logarithm of that.
struct Softmax {
    static constexpr std::string_view kType = "Softmax";
    static constexpr std::array kInputs{InputRole::activation};

    int axis = 0;
    bool logarithm = false;

    static void fields(auto& op, auto&& field) {
        field("axis", op.axis);
        field("logarithm", op.logarithm);
    }
};

std::vector<Shape> infer_shapes(const Softmax& softmax, std::span<const Shape> inputs);
void forward(const Softmax& softmax, const ForwardArguments& arguments);
void backward(const Softmax& softmax, const BackwardArguments& arguments);

}  // namespace eigenbit::internal
