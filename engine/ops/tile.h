#pragma once

#include "engine/ops/arguments.h"
#include "engine/ops/traits.h"

#include <array>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

/// The input, repeated so many times along every axis.
struct Tile {
    static constexpr std::string_view kType = "Tile";
    static constexpr std::array kInputs{InputRole::activation};
    static constexpr Int8 kInt8 = Int8::moves_bytes;

    std::vector<std::int64_t> repeats;  ///< one for each axis

    static void fields(auto& op, auto&& field) { field("repeats", op.repeats); }
};

std::vector<Shape> infer_shapes(const Tile& tile, std::span<const Shape> inputs);
void forward(const Tile& tile, const ForwardArguments& arguments);
void forward(const Tile& tile, const ByteForwardArguments& arguments);
void backward(const Tile& tile, const BackwardArguments& arguments);

}  // namespace eigenbit::internal
