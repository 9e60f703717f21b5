#pragma once

#include "engine/ops/arguments.h"
#include "engine/ops/traits.h"

#include <array>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

/// Of two inputs the first where a condition is not 0, the second elsewhere, with ONNX (numpy) broadcasting. Inputs:
/// condition, which has no gradient, first, second. Output: the broadcast shape.
struct Select {
    static constexpr std::string_view kType = "Select";
    static constexpr std::array kInputs{InputRole::statistic, InputRole::activation};

    static void fields(auto&, auto&&) {}
};

std::vector<Shape> infer_shapes(const Select& select, std::span<const Shape> inputs);
void forward(const Select& select, const ForwardArguments& arguments);
void backward(const Select& select, const BackwardArguments& arguments);

}  // namespace eigenbit::internal
