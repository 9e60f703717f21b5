#pragma once

#include "engine/ops/arguments.h"
#include "engine/ops/traits.h"

#include <array>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

/// Output axis k is input axis permutation[k].
struct Transpose {
    static constexpr std::string_view kType = "Transpose";
    static constexpr std::array kInputs{InputRole::activation};
    static constexpr Int8 kInt8 = Int8::moves_bytes;

    std::vector<int> permutation;

    static void fields(auto& op, auto&& field) { field("permutation", op.permutation); }
};

std::vector<Shape> infer_shapes(const Transpose& transpose, std::span<const Shape> inputs);
void forward(const Transpose& transpose, const ForwardArguments& arguments);
void forward(const Transpose& transpose, const ByteForwardArguments& arguments);
void backward(const Transpose& transpose, const BackwardArguments& arguments);

}  // namespace eigenbit::internal
