#pragma once

#include "engine/ops/arguments.h"
#include "engine/ops/traits.h"

#include <array>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

/// Product of two activations. Inputs: a (…, M, K), b (…, K, N), leading axes broadcast. Output: (…, M, N).
struct MatMul {
    static constexpr std::string_view kType = "MatMul";
    static constexpr std::array kInputs{InputRole::activation, InputRole::activation};

    static void fields(auto&, auto&&) {}
};

std::vector<Shape> infer_shapes(const MatMul& mat_mul, std::span<const Shape> inputs);
std::int64_t multiply_accumulates(const MatMul& mat_mul, std::span<const Shape> inputs, std::span<const Shape> outputs);
void forward(const MatMul& mat_mul, const ForwardArguments& arguments);
void backward(const MatMul& mat_mul, const BackwardArguments& arguments);

}  // namespace eigenbit::internal
