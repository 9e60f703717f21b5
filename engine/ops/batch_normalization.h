#pragma once

#include "engine/ops/activation.h"
#include "engine/ops/arguments.h"
#include "engine/ops/traits.h"

#include <array>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

/// y = scale · (x − mean) / √(variance + epsilon) + bias for every channel, the last axis of x.
/// Inputs: x (…, C), scale, bias, running mean, running variance (C). Output: y like x.
/// In training the statistics are the batch's own (biased variance), saved as mean (row 0) and variance (row 1), and
/// the running ones get no gradient.
struct BatchNormalization {
    static constexpr std::string_view kType = "BatchNormalization";
    static constexpr std::array kInputs{InputRole::activation, InputRole::parameter, InputRole::bias,
                                        InputRole::statistic, InputRole::statistic};
    static constexpr Int8 kInt8 = Int8::affine;
    static constexpr bool kOverwritesGradients = true;
    enum Input : std::size_t { kX, kScale, kBias, kMean, kVariance };

    float epsilon = 1e-5F;

    static void fields(auto& op, auto&& field) { field("epsilon", op.epsilon); }
};

std::vector<Shape> infer_shapes(const BatchNormalization& batch_normalization, std::span<const Shape> inputs);
Shape saved_shape(const BatchNormalization& batch_normalization, std::span<const Shape> inputs);
void forward(const BatchNormalization& batch_normalization, const ForwardArguments& arguments);
void backward(const BatchNormalization& batch_normalization, const BackwardArguments& arguments);

/// With the running statistics.
ChannelAffine channel_affine(const BatchNormalization& batch_normalization, std::span<const ConstView> inputs);

/// What a session does to the normalized values in the same pass over them: y = activation(normalized + residual), each
/// where there is one.
struct NormalizationTail {
    const float* residual = nullptr;         ///< like x
    const Activation* activation = nullptr;  ///< ReLU or clip
};

/// Where the residual's gradient goes; nowhere when null.
struct ResidualGradient {
    float* data = nullptr;
    bool set = false;  ///< instead of added to
};

void forward(const BatchNormalization& batch_normalization, const ForwardArguments& arguments,
             const NormalizationTail& tail);
void backward(const BatchNormalization& batch_normalization, const BackwardArguments& arguments,
              const NormalizationTail& tail, const ResidualGradient& to_residual);

}  // namespace eigenbit::internal
