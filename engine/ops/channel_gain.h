#pragma once

#include "engine/base/tensor.h"
#include "engine/ops/arguments.h"

#include <span>

namespace eigenbit::internal {

/// A layer's weight (O, …) with every output channel times its gain (O).
Tensor with_gain(ConstView weight, ConstView gain);

/// The weight of a layer with inputs x, weight, bias, gain, times the gains; empty where it has none.
Tensor scaled_weight(std::span<const ConstView> inputs);

/// Throws Error unless the bias and the gain, where the inputs x, weight, bias, gain have them, fit this many output
/// channels.
void expect_bias_and_gain(std::span<const Shape> inputs, std::int64_t output_channels);

/// Where the backward of a layer with inputs x, weight, bias, gain leaves the gradient of its weight: where it is
/// wanted, or, where the layer has gains, in between, until finish() takes it to the weight and the gains.
class ScaledWeightGradient {
  public:
    explicit ScaledWeightGradient(const BackwardArguments& arguments);

    /// Null where no gradient is wanted.
    float* target() { return has_gain_ ? scaled_.data() : arguments_->input_gradients[1].data; }
    /// Whether what target() points to is to be set, not added to.
    bool overwrites() const { return has_gain_ || arguments_->overwrites[1]; }
    void finish() &&;

  private:
    const BackwardArguments* arguments_;
    bool has_gain_;
    Tensor scaled_;
};

}  // namespace eigenbit::internal
