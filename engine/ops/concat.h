#pragma once

#include "engine/ops/arguments.h"
#include "engine/ops/traits.h"

#include <array>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

/// Inputs of equal shape but for one axis, laid one after the other along it.
struct Concat {
    static constexpr std::string_view kType = "Concat";
    static constexpr std::array kInputs{InputRole::activation};
    static constexpr Int8 kInt8 = Int8::moves_bytes;

    int axis = 0;

    static void fields(auto& op, auto&& field) { field("axis", op.axis); }
};

std::vector<Shape> infer_shapes(const Concat& concat, std::span<const Shape> inputs);
void forward(const Concat& concat, const ForwardArguments& arguments);
void forward(const Concat& concat, const ByteForwardArguments& arguments);
void backward(const Concat& concat, const BackwardArguments& arguments);

}  // namespace eigenbit::internal
