#include "engine/ops/conv.h"

#include "engine/error.h"
#include "engine/kernels/convolution.h"

namespace eigenbit {
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
    if (inputs.size() != 2 && inputs.size() != 3) fail("A convolution takes 2 or 3 inputs, not {}.", inputs.size());
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
    if (inputs.size() == 3 && !(inputs[2] == Shape{weight[0]})) {
        fail("The bias has shape {}, expected ({}).", to_string(inputs[2]), weight[0]);
    }
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
    const ConstView weight = arguments.inputs[1];
    const View y = arguments.outputs[0];
    const ConvolutionGeometry geometry = geometry_of(conv, x.shape, weight.shape, y.shape);
    WeightCache unshared;
    WeightCache& cache = arguments.cache != nullptr ? *arguments.cache : unshared;
    if (!cache.current) pack_forward_weights(geometry, weight.data, cache.forward);
    cache.current = true;
    ConvolutionEpilogue epilogue;
    if (arguments.inputs.size() == 3) epilogue.bias = arguments.inputs[2].data;
    convolution_forward(geometry, x.data, cache.forward, epilogue, y.data);
}

void backward(const Conv& conv, const BackwardArguments& arguments) {
    const ConstView x = arguments.inputs[0];
    const ConstView weight = arguments.inputs[1];
    const ConstView dy = arguments.output_gradients[0];
    const ConvolutionGeometry geometry = geometry_of(conv, x.shape, weight.shape, dy.shape);
    const auto gradients = arguments.input_gradients;
    if (gradients[0].data != nullptr) {
        WeightCache unshared;
        PackedWeights& packed = arguments.cache != nullptr ? arguments.cache->input_gradient : unshared.input_gradient;
        pack_input_gradient_weights(geometry, weight.data, packed);
        convolution_input_gradient(geometry, dy.data, packed, true, gradients[0].data);
    }
    float* const dbias = gradients.size() == 3 ? gradients[2].data : nullptr;
    if (gradients[1].data != nullptr || dbias != nullptr) {
        convolution_weight_gradient(geometry, x.data, dy.data, true, gradients[1].data, dbias);
    }
}

}  // namespace eigenbit
