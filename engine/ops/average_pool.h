#pragma once

#include "engine/ops/arguments.h"
#include "engine/ops/traits.h"

#include <array>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

/// Input: x (N, H, W, C). Output: y (N, OH, OW, C), the mean of each window.
struct AveragePool {
    static constexpr std::string_view kType = "AveragePool";
    static constexpr std::array kInputs{InputRole::activation};
    static constexpr Int8 kInt8 = Int8::averages;

    std::array<std::int64_t, 2> kernel{1, 1};
    std::array<std::int64_t, 2> stride{1, 1};
    std::array<std::int64_t, 4> padding{};  ///< top, left, bottom, right
    bool ceil_mode = false;                 ///< a last window that is cut off by the border counts
    bool count_padding = false;             ///< divide by the kernel's size even where it covers padding
    std::array<std::int64_t, 2> dilation{1, 1};

    static void fields(auto& op, auto&& field) {
        field("kernel", op.kernel);
        field("stride", op.stride);
        field("padding", op.padding);
        field("ceil_mode", op.ceil_mode);
        field("count_padding", op.count_padding);
        field("dilation", op.dilation);
    }
};

std::vector<Shape> infer_shapes(const AveragePool& average_pool, std::span<const Shape> inputs);
void forward(const AveragePool& average_pool, const ForwardArguments& arguments);
void forward(const AveragePool& average_pool, const LevelMeanArguments& arguments);
void backward(const AveragePool& average_pool, const BackwardArguments& arguments);

}  // namespace eigenbit::internal
