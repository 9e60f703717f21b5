#include "engine/ops/channel_gain.h"

#include "engine/base/error.h"

namespace eigenbit::internal {
namespace {

/// Calls visit(channel, element) for all elements of a weight (O, …).
template <typename Visit>
void for_each_element(ConstView weight, const Visit& visit) {
    const std::int64_t filter = weight.shape.elements(1, weight.shape.rank());
    for (std::int64_t o = 0; o < weight.shape[0]; ++o) {
        for (std::int64_t i = o * filter; i < (o + 1) * filter; ++i) visit(o, i);
    }
}

}  // namespace

Tensor with_gain(ConstView weight, ConstView gain) {
    Tensor result(weight);
    for_each_element(weight, [&](std::int64_t o, std::int64_t i) { result[i] *= gain[o]; });
    return result;
}

Tensor scaled_weight(std::span<const ConstView> inputs) {
    return inputs.size() > 3 ? with_gain(inputs[1], inputs[3]) : Tensor();
}

void expect_bias_and_gain(std::span<const Shape> inputs, std::int64_t output_channels) {
    for (std::size_t i = 2; i < inputs.size(); ++i) {
        if (inputs[i] == Shape{output_channels}) continue;
        fail("The {} has shape {}, expected ({}).", i == 2 ? "bias" : "gain", to_string(inputs[i]), output_channels);
    }
}

ScaledWeightGradient::ScaledWeightGradient(const BackwardArguments& arguments)
    : arguments_(&arguments), has_gain_(arguments.inputs.size() > 3) {
    if (!has_gain_) return;
    const auto wanted = [&](std::size_t input) { return arguments.input_gradients[input].data != nullptr; };
    if (wanted(1) || wanted(3)) scaled_ = Tensor(arguments.inputs[1].shape);
}

void ScaledWeightGradient::finish() && {
    if (scaled_.empty()) return;
    const ConstView weight = arguments_->inputs[1];
    const ConstView gain = arguments_->inputs[3];
    const View to_weight = arguments_->input_gradients[1];
    const View to_gain = arguments_->input_gradients[3];
    if (to_gain.data != nullptr) {
        Tensor sums(gain.shape);
        for_each_element(weight, [&](std::int64_t o, std::int64_t i) { sums[o] += weight[i] * scaled_[i]; });
        for (std::int64_t o = 0; o < gain.elements(); ++o) {
            to_gain[o] = sums[o] + (arguments_->overwrites[3] ? 0.0F : to_gain[o]);
        }
    }
    if (to_weight.data == nullptr) return;
    for_each_element(weight, [&](std::int64_t o, std::int64_t i) {
        to_weight[i] = scaled_[i] * gain[o] + (arguments_->overwrites[1] ? 0.0F : to_weight[i]);
    });
}

}  // namespace eigenbit::internal
