#pragma once

#include "engine/ops/arguments.h"
#include "engine/ops/traits.h"

#include <array>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

/// x / (bias + alpha / size · s)^beta, where s is the sum of the squares of the `size` channels around each, those that
/// exist: of an even size one more after it than before. Input: x (…, C). Output: y like x.
struct LocalResponseNormalization {
    static constexpr std::string_view kType = "LocalResponseNormalization";
    static constexpr std::array kInputs{InputRole::activation};

    std::int64_t size = 5;
    float alpha = 1e-4F;
    float beta = 0.75F;
    float bias = 1.0F;

    static void fields(auto& op, auto&& field) {
        field("size", op.size);
        field("alpha", op.alpha);
        field("beta", op.beta);
        field("bias", op.bias);
    }
};

std::vector<Shape> infer_shapes(const LocalResponseNormalization& normalization, std::span<const Shape> inputs);
void forward(const LocalResponseNormalization& normalization, const ForwardArguments& arguments);
void backward(const LocalResponseNormalization& normalization, const BackwardArguments& arguments);

}  // namespace eigenbit::internal
