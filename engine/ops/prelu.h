#pragma once

#include "engine/ops/arguments.h"
#include "engine/ops/traits.h"

#include <array>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

/// y = x where x ≥ 0, slope · x elsewhere. Inputs: x (…, C), slope (C), or one for all channels. Output: y like x.
struct PRelu {
    static constexpr std::string_view kType = "PRelu";
    static constexpr std::array kInputs{InputRole::activation, InputRole::parameter};
    static constexpr Int8 kInt8 = Int8::lookup256;

    static void fields(auto&, auto&&) {}
};

std::vector<Shape> infer_shapes(const PRelu& prelu, std::span<const Shape> inputs);
void forward(const PRelu& prelu, const ForwardArguments& arguments);
void backward(const PRelu& prelu, const BackwardArguments& arguments);

}  // namespace eigenbit::internal
