#pragma once

#include "engine/ops/arguments.h"

#include <string_view>
#include <vector>

namespace eigenbit {

/// Adds elements before and after along every axis (not negative).
struct Pad {
    static constexpr std::string_view kType = "Pad";
    enum class Mode { constant, reflect, edge };

    std::vector<std::int64_t> before;  ///< one for each axis
    std::vector<std::int64_t> after;
    Mode mode = Mode::constant;
    float value = 0.0F;
};

std::vector<Shape> infer_shapes(const Pad& pad, std::span<const Shape> inputs);
void forward(const Pad& pad, const ForwardArguments& arguments);
void backward(const Pad& pad, const BackwardArguments& arguments);

}  // namespace eigenbit
