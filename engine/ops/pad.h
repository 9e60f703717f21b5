#pragma once

#include "engine/ops/arguments.h"
#include "engine/ops/traits.h"

#include <array>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

/// Adds elements before and after along every axis (not negative).
struct Pad {
    static constexpr std::string_view kType = "Pad";
    static constexpr std::array kInputs{InputRole::activation};
    static constexpr Int8 kInt8 = Int8::moves_bytes;
    enum class Mode { constant, reflect, edge, wrap };
    static constexpr std::array<std::string_view, 4> kModes{"constant", "reflect", "edge", "wrap"};

    std::vector<std::int64_t> before;  ///< one for each axis
    std::vector<std::int64_t> after;
    Mode mode = Mode::constant;
    float value = 0.0F;

    /// A constant may lie between levels; 0 does not.
    Int8 int8() const { return mode != Mode::constant || value == 0.0F ? Int8::moves_bytes : Int8::none; }

    static void fields(auto& op, auto&& field) {
        field("before", op.before);
        field("after", op.after);
        field("mode", op.mode, kModes);
        field("value", op.value);
    }
};

std::vector<Shape> infer_shapes(const Pad& pad, std::span<const Shape> inputs);
void forward(const Pad& pad, const ForwardArguments& arguments);
void forward(const Pad& pad, const ByteForwardArguments& arguments);
void backward(const Pad& pad, const BackwardArguments& arguments);

}  // namespace eigenbit::internal
