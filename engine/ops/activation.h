#pragma once

#include "engine/ops/arguments.h"
#include "engine/ops/traits.h"

#include <array>
#include <limits>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

/// A function of every element on its own. Input: x. Output: y like x.
struct Activation {
    static constexpr std::string_view kType = "Activation";
    static constexpr std::array kInputs{InputRole::activation};
    static constexpr Int8 kInt8 = Int8::lookup256;
    static constexpr bool kOverwritesGradients = true;
    enum class Kind { relu, leaky_relu, clip, sigmoid, tanh };
    static constexpr std::array<std::string_view, 5> kKinds{"relu", "leaky_relu", "clip", "sigmoid", "tanh"};

    Kind kind = Kind::relu;
    float slope = 0.01F;                               ///< leaky_relu: y = slope · x for x < 0
    float low = std::numeric_limits<float>::lowest();  ///< clip
    float high = std::numeric_limits<float>::max();    ///< clip; relu6 is clip 0 … 6

    static void fields(auto& op, auto&& field) {
        field("kind", op.kind, kKinds);
        field("slope", op.slope);
        field("low", op.low);
        field("high", op.high);
    }
};

std::vector<Shape> infer_shapes(const Activation& activation, std::span<const Shape> inputs);
void forward(const Activation& activation, const ForwardArguments& arguments);
void backward(const Activation& activation, const BackwardArguments& arguments);

}  // namespace eigenbit::internal
