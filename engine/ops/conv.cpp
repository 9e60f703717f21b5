#include "engine/ops/conv.h"

#include "engine/base/error.h"
#include "engine/kernels/f32/convolution.h"
#include "engine/kernels/f32/winograd.h"
#include "engine/ops/channel_gain.h"
#include "engine/ops/shape_rules.h"

#include <algorithm>

namespace eigenbit::internal {
namespace {

std::int64_t output_extent(std::int64_t input, std::int64_t kernel, std::int64_t stride, std::int64_t dilation,
                           std::int64_t padding) {
    const std::int64_t kernel_span = dilation * (kernel - 1) + 1;
    if (kernel_span > input + padding) {
        fail("The kernel covers {} pixels but the padded image has only {}.", kernel_span, input + padding);
    }
    return (input + padding - kernel_span) / stride + 1;
}

}  // namespace

ConvolutionGeometry geometry_of(const Conv& conv, const Shape& x, const Shape& weight, const Shape& y) {
    return {.n = x[0],
            .h = x[1],
            .w = x[2],
            .i = x[3],
            .o = weight[0],
            .kh = weight[1],
            .kw = weight[2],
            .oh = y[1],
            .ow = y[2],
            .stride = conv.stride,
            .dilation = conv.dilation,
            .pad = conv.padding,
            .groups = conv.groups};
}

std::vector<Shape> infer_shapes(const Conv& conv, std::span<const Shape> inputs) {
    expect_inputs(conv.kType, inputs, 2, 4);
    const Shape& x = inputs[0];
    const Shape& weight = inputs[1];
    if (x.rank() != 4 || weight.rank() != 4) {
        fail("A convolution takes an image batch and weights of 4 dimensions, not {} and {}.", to_string(x),
             to_string(weight));
    }
    constexpr std::int64_t kLargest = 1 << 20;  // no product of an attribute and an extent overflows
    if (conv.groups < 1 || conv.groups > kLargest || weight[0] % conv.groups != 0 || weight[3] * conv.groups != x[3]) {
        fail("Weights {} in {} groups do not fit an input of {} channels.", to_string(weight), conv.groups, x[3]);
    }
    expect_bias_and_gain(inputs, weight[0]);
    for (int axis = 0; axis < 2; ++axis) {
        const auto a = static_cast<std::size_t>(axis);
        const auto outside = [](std::int64_t value, std::int64_t least) { return value < least || value > kLargest; };
        if (outside(conv.stride[a], 1) || outside(conv.dilation[a], 1) || outside(conv.padding[a], 0)
            || outside(conv.padding[a + 2], 0) || weight[axis + 1] < 1) {
            fail(
                "Strides and dilations must be between 1 and {0}, paddings between 0 and {0}, kernel extents positive.",
                kLargest);
        }
    }
    const auto& p = conv.padding;
    return {Shape{x[0], output_extent(x[1], weight[1], conv.stride[0], conv.dilation[0], p[0] + p[2]),
                  output_extent(x[2], weight[2], conv.stride[1], conv.dilation[1], p[1] + p[3]), weight[0]}};
}

std::int64_t multiply_accumulates(const Conv&, std::span<const Shape> inputs, std::span<const Shape> outputs) {
    return outputs[0].elements() * inputs[1].elements(1, 4);
}

void forward(const Conv& conv, const ForwardArguments& arguments) {
    const ConstView x = arguments.inputs[0];
    const View y = arguments.outputs[0];
    const ConvolutionGeometry geometry = geometry_of(conv, x.shape, arguments.inputs[1].shape, y.shape);
    const float* const bias = arguments.inputs.size() > 2 ? arguments.inputs[2].data : nullptr;
    WeightCache unshared;
    WeightCache& cache = arguments.cache != nullptr ? *arguments.cache : unshared;
    const Tensor scaled = cache.current ? Tensor() : scaled_weight(arguments.inputs);
    const ConstView weight = scaled.empty() ? arguments.inputs[1] : scaled.view();
    if (suits_winograd(geometry)) {
        if (!cache.current) cache.winograd_forward.pack_forward(geometry, weight.data);
        winograd_forward(geometry, x.data, cache.winograd_forward, {.bias = bias}, y.data);
    } else {
        if (!cache.current) pack_forward_weights(geometry, weight.data, cache.forward);
        convolution_forward(geometry, x.data, cache.forward, {.bias = bias}, y.data);
    }
    cache.current = true;
}

std::int64_t backward_workspace(const Conv& conv, std::span<const Shape> inputs) {
    const Shape y = infer_shapes(conv, inputs).front();
    const ConvolutionGeometry geometry = geometry_of(conv, inputs[0], inputs[1], y);
    const std::int64_t plain = convolution_weight_gradient_workspace(geometry);
    if (!suits_winograd(geometry)) return plain;
    return std::max(winograd_weight_gradient_workspace(geometry), inputs.size() > 2 ? plain : 0);
}

void backward(const Conv& conv, const BackwardArguments& arguments) {
    const ConstView x = arguments.inputs[0];
    const Tensor scaled = scaled_weight(arguments.inputs);
    const ConstView weight = scaled.empty() ? arguments.inputs[1] : scaled.view();
    const ConstView dy = arguments.output_gradients[0];
    const ConvolutionGeometry geometry = geometry_of(conv, x.shape, weight.shape, dy.shape);
    const bool by_winograd = suits_winograd(geometry);
    float* const dx = arguments.input_gradients[0].data;
    ScaledWeightGradient scaled_gradient(arguments);
    float* dw = scaled_gradient.target();
    const bool overwrites_dw = scaled_gradient.overwrites();
    float* const dbias = arguments.input_gradients.size() > 2 ? arguments.input_gradients[2].data : nullptr;
    WeightCache unshared;
    WeightCache& cache = arguments.cache != nullptr ? *arguments.cache : unshared;
    if (dx != nullptr && by_winograd) {
        cache.winograd_input_gradient.pack_input_gradient(geometry, weight.data);
        winograd_input_gradient(geometry, dy.data, cache.winograd_input_gradient, !arguments.overwrites[0], dx);
    } else if (dx != nullptr) {
        pack_input_gradient_weights(geometry, weight.data, cache.input_gradient);
        convolution_input_gradient(geometry, dy.data, cache.input_gradient, !arguments.overwrites[0], dx);
    }
    float* const workspace = arguments.workspace.data;
    if (dw != nullptr && by_winograd) {
        winograd_weight_gradient(geometry, x.data, dy.data, !overwrites_dw, dw, workspace);
        dw = nullptr;
    }
    const auto plain = [&](bool overwrite, float* weights, float* bias) {
        if (weights == nullptr && bias == nullptr) return;
        convolution_weight_gradient(geometry, x.data, dy.data, !overwrite, weights, bias, workspace);
    };
    if (dw != nullptr && dbias != nullptr && overwrites_dw == arguments.overwrites[2]) {
        plain(overwrites_dw, dw, dbias);
    } else {
        plain(overwrites_dw, dw, nullptr);
        plain(arguments.overwrites[2], nullptr, dbias);
    }
    std::move(scaled_gradient).finish();
}

}  // namespace eigenbit::internal
