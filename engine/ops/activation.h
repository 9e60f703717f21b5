#pragma once

#include "engine/kernels/f32/kernels.h"
#include "engine/ops/arguments.h"
#include "engine/ops/traits.h"

#include <array>
#include <optional>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

/// A function of every element on its own. Input: x. Output: y like x. Those that ONNX has are as ONNX defines them.
struct Activation {
    static constexpr std::string_view kType = "Activation";
    static constexpr std::array kInputs{InputRole::activation};
    static constexpr Int8 kInt8 = Int8::lookup256;
    static constexpr bool kOverwritesGradients = true;
    enum class Kind {
        relu,
        leaky_relu,        ///< alpha · x where x < 0
        clip,              ///< to alpha … beta; relu6 is clip 0 … 6
        linear,            ///< alpha · x + beta
        power,             ///< x to the power alpha
        elu,               ///< alpha · (eˣ − 1) where x < 0
        selu,              ///< beta times elu
        celu,              ///< alpha · (e^(x / alpha) − 1) where x < 0
        thresholded_relu,  ///< 0 where x ≤ alpha
        sigmoid,
        tanh,
        hard_sigmoid,  ///< alpha · x + beta, within 0 … 1
        hard_swish,    ///< x times hard_sigmoid of alpha 1/6 and beta 1/2
        swish,         ///< x times the sigmoid of alpha · x
        mish,          ///< x times tanh of softplus
        gelu,          ///< x times the share of the normal distribution below it
        gelu_tanh,     ///< its approximation by tanh
        softplus,
        softsign,
        erf,
        exp,
        log,
        sqrt,
        reciprocal,
        abs,
        sign,
        floor,
        ceil,
        round,  ///< halves to the even neighbour
        sin,
        cos,
    };
    static constexpr auto kKinds = std::to_array<std::string_view>({"relu",       "leaky_relu", "clip",
                                                                    "linear",     "power",      "elu",
                                                                    "selu",       "celu",       "thresholded_relu",
                                                                    "sigmoid",    "tanh",       "hard_sigmoid",
                                                                    "hard_swish", "swish",      "mish",
                                                                    "gelu",       "gelu_tanh",  "softplus",
                                                                    "softsign",   "erf",        "exp",
                                                                    "log",        "sqrt",       "reciprocal",
                                                                    "abs",        "sign",       "floor",
                                                                    "ceil",       "round",      "sin",
                                                                    "cos"});

    Kind kind = Kind::relu;
    float alpha = 0.0F;
    float beta = 0.0F;

    static void fields(auto& op, auto&& field) {
        field("kind", op.kind, kKinds);
        field("alpha", op.alpha);
        field("beta", op.beta);
    }

    bool operator==(const Activation&) const = default;
};

/// None where it is not made of exponentials.
std::optional<ExponentialFunction> exponential_function(const Activation& activation);

std::vector<Shape> infer_shapes(const Activation& activation, std::span<const Shape> inputs);
void forward(const Activation& activation, const ForwardArguments& arguments);
void backward(const Activation& activation, const BackwardArguments& arguments);

}  // namespace eigenbit::internal
