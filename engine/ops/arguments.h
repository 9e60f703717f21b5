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
