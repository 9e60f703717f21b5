#pragma once

#include "engine/ops/arguments.h"
#include "engine/ops/traits.h"

#include <array>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

/// In training each element is zeroed with this probability and the others are divided by 1 − probability; else the
/// identity. The multipliers drawn are saved.
struct Dropout {
    static constexpr std::string_view kType = "Dropout";
    static constexpr std::array kInputs{InputRole::activation};

    float probability = 0.5F;

    static void fields(auto& op, auto&& field) { field("probability", op.probability); }
};

std::vector<Shape> infer_shapes(const Dropout& dropout, std::span<const Shape> inputs);
Shape saved_shape(const Dropout& dropout, std::span<const Shape> inputs);
void forward(const Dropout& dropout, const ForwardArguments& arguments);
void backward(const Dropout& dropout, const BackwardArguments& arguments);

}  // namespace eigenbit::internal
