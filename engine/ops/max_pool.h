#pragma once

#include "engine/ops/arguments.h"
#include "engine/ops/pooling.h"
#include "engine/ops/traits.h"

#include <array>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

/// Input: x (N, H, W, C). Output: y (N, OH, OW, C), the maximum of each window; the padding never wins.
/// The gradient goes to the first of equal maxima.
struct MaxPool {
    static constexpr std::string_view kType = "MaxPool";
    static constexpr std::array kInputs{InputRole::activation};
    static constexpr Int8 kInt8 = Int8::moves_bytes;

    std::array<std::int64_t, 2> kernel{1, 1};
    std::array<std::int64_t, 2> stride{1, 1};
    std::array<std::int64_t, 2> dilation{1, 1};
    std::array<std::int64_t, 4> padding{};  ///< top, left, bottom, right
    bool ceil_mode = false;                 ///< a last window that is cut off by the border counts

    bool operator==(const MaxPool&) const = default;

    static void fields(auto& op, auto&& field) {
        field("kernel", op.kernel);
        field("stride", op.stride);
        field("dilation", op.dilation);
        field("padding", op.padding);
        field("ceil_mode", op.ceil_mode);
    }
};

Pooling pooling(const MaxPool& max_pool);
std::vector<Shape> infer_shapes(const MaxPool& max_pool, std::span<const Shape> inputs);
void forward(const MaxPool& max_pool, const ForwardArguments& arguments);
void forward(const MaxPool& max_pool, const ByteForwardArguments& arguments);
void backward(const MaxPool& max_pool, const BackwardArguments& arguments);

}  // namespace eigenbit::internal
