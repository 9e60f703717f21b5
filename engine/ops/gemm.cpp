#include "engine/ops/gemm.h"

#include "engine/base/error.h"
#include "engine/kernels/f32/gemm.h"
#include "engine/ops/channel_gain.h"
#include "engine/ops/shape_rules.h"
#include "engine/ops/strided_fold.h"

#include <algorithm>

namespace eigenbit::internal {

std::vector<Shape> infer_shapes(const Gemm& gemm, std::span<const Shape> inputs) {
    expect_inputs(gemm.kType, inputs, 2, 4);
    const Shape& x = inputs[0];
    const Shape& weight = inputs[1];
    if (weight.rank() != 2 || weight.elements() == 0) {
        fail("A fully-connected layer takes weights (outputs, inputs), not {}.", to_string(weight));
    }
    if (x.rank() < 1 || x.back() != weight[1]) {
        fail("Weights {} do not fit an input of shape {}.", to_string(weight), to_string(x));
    }
    expect_bias_and_gain(inputs, weight[0]);
    Shape y = x;
    y[y.rank() - 1] = weight[0];
    return {Shape(std::span(y.begin(), y.end()))};
}

std::int64_t multiply_accumulates(const Gemm&, std::span<const Shape> inputs, std::span<const Shape> outputs) {
    return outputs[0].elements() * inputs[1][1];
}

void forward(const Gemm&, const ForwardArguments& arguments) {
    const ConstView x = arguments.inputs[0];
    const Tensor scaled = scaled_weight(arguments.inputs);
    const ConstView weight = scaled.empty() ? arguments.inputs[1] : scaled.view();
    const View y = arguments.outputs[0];
    const std::int64_t outputs = weight.shape[0];
    const std::int64_t inputs = weight.shape[1];
    const std::int64_t rows = y.elements() / outputs;
    const bool biased = arguments.inputs.size() > 2;
    if (biased) copy_rows(rows, outputs, {y.data, outputs}, {arguments.inputs[2].data, 0});
    gemm(rows, outputs, inputs, {x.data, inputs}, {weight.data, inputs, true}, biased, y.data, outputs);
}

void backward(const Gemm&, const BackwardArguments& arguments) {
    const ConstView x = arguments.inputs[0];
    const Tensor scaled = scaled_weight(arguments.inputs);
    const ConstView weight = scaled.empty() ? arguments.inputs[1] : scaled.view();
    const ConstView dy = arguments.output_gradients[0];
    const auto gradients = arguments.input_gradients;
    const std::int64_t outputs = weight.shape[0];
    const std::int64_t inputs = weight.shape[1];
    const std::int64_t rows = dy.elements() / outputs;
    if (gradients[0].data != nullptr) {
        gemm(rows, inputs, outputs, {dy.data, outputs}, {weight.data, inputs}, !arguments.overwrites[0],
             gradients[0].data, inputs);
    }
    ScaledWeightGradient scaled_gradient(arguments);
    if (float* const dw = scaled_gradient.target()) {
        gemm(outputs, inputs, rows, {dy.data, outputs, true}, {x.data, inputs}, !scaled_gradient.overwrites(), dw,
             inputs);
    }
    std::move(scaled_gradient).finish();
    if (gradients.size() > 2 && gradients[2].data != nullptr) {
        if (arguments.overwrites[2]) std::ranges::fill(gradients[2].values(), 0.0F);
        add_sums(dy, broadcast_strides(gradients[2].shape, dy.shape), gradients[2], 1.0F);
    }
}

}  // namespace eigenbit::internal
