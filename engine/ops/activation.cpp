#include "engine/ops/activation.h"

#include "engine/base/chunks.h"
#include "engine/ops/shape_rules.h"

#include <cmath>

namespace eigenbit::internal {
namespace {

/// y = function(x)
template <typename Function>
void map(const ForwardArguments& arguments, Function function) {
    const float* x = arguments.inputs[0].data;
    float* y = arguments.outputs[0].data;
    for_each_chunk(arguments.inputs[0].elements(), 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) y[i] = function(x[i]);
    });
}

/// dx = or += gradient(dy, x, y)
template <typename Gradient>
void write_gradient(const BackwardArguments& arguments, Gradient gradient) {
    const float* x = arguments.inputs[0].data;
    const float* y = arguments.outputs[0].data;
    const float* dy = arguments.output_gradients[0].data;
    float* dx = arguments.input_gradients[0].data;
    for_each_chunk(arguments.inputs[0].elements(), 1, [&](std::int64_t begin, std::int64_t end) {
        if (arguments.overwrites[0]) {
            for (std::int64_t i = begin; i < end; ++i) dx[i] = gradient(dy[i], x[i], y[i]);
        } else {
            for (std::int64_t i = begin; i < end; ++i) dx[i] += gradient(dy[i], x[i], y[i]);
        }
    });
}

}  // namespace

std::vector<Shape> infer_shapes(const Activation& activation, std::span<const Shape> inputs) {
    expect_inputs(activation.kType, inputs, 1, 1);
    return {inputs[0]};
}

void forward(const Activation& activation, const ForwardArguments& arguments) {
    switch (activation.kind) {
    case Activation::Kind::relu:
        return map(arguments, [](float x) { return x < 0.0F ? 0.0F : x; });
    case Activation::Kind::leaky_relu:
        return map(arguments, [slope = activation.slope](float x) { return x < 0.0F ? slope * x : x; });
    case Activation::Kind::clip:
        return map(arguments, [low = activation.low, high = activation.high](float x) {
            const float raised = x < low ? low : x;
            return raised > high ? high : raised;
        });
    case Activation::Kind::sigmoid:
        return map(arguments, [](float x) { return 1.0F / (1.0F + std::exp(-x)); });
    case Activation::Kind::tanh:
        return map(arguments, [](float x) { return std::tanh(x); });
    }
}

void backward(const Activation& activation, const BackwardArguments& arguments) {
    if (arguments.input_gradients[0].data == nullptr) return;
    switch (activation.kind) {
    case Activation::Kind::relu:
        return write_gradient(arguments, [](float dy, float, float y) { return y > 0.0F ? dy : 0.0F; });
    case Activation::Kind::leaky_relu:
        return write_gradient(
            arguments, [slope = activation.slope](float dy, float x, float) { return x > 0.0F ? dy : slope * dy; });
    case Activation::Kind::clip:
        return write_gradient(arguments, [low = activation.low, high = activation.high](float dy, float x, float) {
            const float above = x >= low ? dy : 0.0F;
            return x <= high ? above : 0.0F;
        });
    case Activation::Kind::sigmoid:
        return write_gradient(arguments, [](float dy, float, float y) { return dy * y * (1.0F - y); });
    case Activation::Kind::tanh:
        return write_gradient(arguments, [](float dy, float, float y) { return dy * (1.0F - y * y); });
    }
}

}  // namespace eigenbit::internal
