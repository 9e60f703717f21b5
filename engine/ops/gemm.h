#pragma once

#include "engine/ops/arguments.h"
#include "engine/ops/traits.h"

#include <array>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

/// Fully-connected layer: y = x · weightᵗ + bias.
/// Inputs: x (…, I), weight (O, I), optional bias (O), optional gain (O) of the outputs, which the bias does not take
/// part in. Output: y (…, O).
struct Gemm {
    static constexpr std::string_view kType = "Gemm";
    static constexpr std::array kInputs{InputRole::activation, InputRole::weight, InputRole::bias, InputRole::gain};
    static constexpr Int8 kInt8 = Int8::layer;
    static constexpr bool kOverwritesGradients = true;

    static void fields(auto&, auto&&) {}
};

std::vector<Shape> infer_shapes(const Gemm& gemm, std::span<const Shape> inputs);
std::int64_t multiply_accumulates(const Gemm& gemm, std::span<const Shape> inputs, std::span<const Shape> outputs);
void forward(const Gemm& gemm, const ForwardArguments& arguments);
void backward(const Gemm& gemm, const BackwardArguments& arguments);

}  // namespace eigenbit::internal
