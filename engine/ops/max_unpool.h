#pragma once

#include "engine/ops/max_pool.h"

#include <array>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

/// Puts values back to where a MaxPool found its maxima. Inputs: x (N, OH, OW, C), a value for each window; the image
/// (N, H, W, C) that was pooled, which has no gradient. Output (N, H, W, C): each value where the image is the maximum
/// of its window, the first of equal ones, and 0 elsewhere. Windows must not overlap.
struct MaxUnpool {
    static constexpr std::string_view kType = "MaxUnpool";
    static constexpr std::array kInputs{InputRole::activation, InputRole::statistic};

    MaxPool pool;

    static void fields(auto& op, auto&& field) { MaxPool::fields(op.pool, field); }
};

std::vector<Shape> infer_shapes(const MaxUnpool& unpool, std::span<const Shape> inputs);
void forward(const MaxUnpool& unpool, const ForwardArguments& arguments);
void backward(const MaxUnpool& unpool, const BackwardArguments& arguments);

}  // namespace eigenbit::internal
