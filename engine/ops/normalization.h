#pragma once

#include "engine/ops/arguments.h"
#include "engine/ops/traits.h"

#include <array>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

/// (x − mean) / √(variance + epsilon) · scale + bias, where mean and variance are those of the elements along some
/// axes, of each image by itself: layer, instance and group normalization. Inputs: x; scale and bias, which broadcast
/// to x and may be absent. Output: y like x.
struct Normalization {
    static constexpr std::string_view kType = "Normalization";
    static constexpr std::array kInputs{InputRole::activation, InputRole::parameter};

    std::vector<int> axes;    ///< rising
    std::int64_t groups = 1;  ///< the last axis, one of those, is so many parts, each normalised by itself
    float epsilon = 1e-5F;

    static void fields(auto& op, auto&& field) {
        field("axes", op.axes);
        field("groups", op.groups);
        field("epsilon", op.epsilon);
    }
};

std::vector<Shape> infer_shapes(const Normalization& normalization, std::span<const Shape> inputs);
void forward(const Normalization& normalization, const ForwardArguments& arguments);
void backward(const Normalization& normalization, const BackwardArguments& arguments);

}  // namespace eigenbit::internal
