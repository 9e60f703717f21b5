#pragma once

#include "engine/base/tensor.h"
#include "engine/ops/weight_cache.h"

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace eigenbit::internal {

/// What an operator computes with. Activations are NHWC; optional inputs that are absent come last and are left out.
struct ForwardArguments {
    std::span<const ConstView> inputs;
    std::span<const View> outputs;
    View saved;              ///< of the operator's saved_shape: what forward leaves for backward
    bool training = false;   ///< batch statistics instead of running ones, dropout active
    std::uint64_t seed = 0;  ///< of this node in this step, for operators that draw random numbers
    WeightCache* cache = nullptr;
};

/// The same for operators that move bytes: the levels of one quantizer, as unsigned integers.
struct ByteForwardArguments {
    std::span<const BasicView<const std::uint8_t>> inputs;
    std::span<const BasicView<std::uint8_t>> outputs;
    std::uint8_t zero_point = 0;
};

/// The same for operators that average: levels, of which each stands for step · (level − zero_point).
struct LevelMeanArguments {
    BasicView<const std::uint8_t> levels;
    std::uint8_t zero_point = 0;
    float step = 1.0F;
    View means;

    /// What a sum of `count` levels stands for, divided by a number as operators on floats divide by it.
    float mean(std::int64_t sum, std::int64_t count, std::int64_t divisor) const {
        const auto steps = static_cast<double>(sum - count * zero_point);
        const float factor = divisor == 0 ? 0.0F : 1.0F / static_cast<float>(divisor);
        return static_cast<float>(static_cast<double>(step) * steps * static_cast<double>(factor));
    }
};

/// What an affine operator does to every channel: y = scale · x + shift.
struct ChannelAffine {
    std::vector<double> scale, shift;
};

/// Gradients of one scalar with respect to the inputs, from those with respect to the outputs.
struct BackwardArguments {
    std::span<const ConstView> inputs;
    std::span<const ConstView> outputs;
    ConstView saved;
    std::span<const ConstView> output_gradients;
    std::span<const View> input_gradients;  ///< added to; data is null where a gradient is not wanted
    /// By input, of operators that overwrite gradients: the gradient is set, not added to.
    std::array<bool, 5> overwrites{};
    View workspace{};  ///< of the operator's backward_workspace; memory is allocated where its data is null
    bool training = false;
    WeightCache* cache = nullptr;
};

}  // namespace eigenbit::internal
