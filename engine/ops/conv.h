#pragma once

#include "engine/kernels/loops/convolution_geometry.h"
#include "engine/ops/arguments.h"
#include "engine/ops/traits.h"

#include <array>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

/// Two-dimensional convolution (cross-correlation, as ONNX defines it).
/// Inputs: x (N, H, W, I), weight (O, KH, KW, I / groups), optional bias (O), optional gain (O) of the output channels,
/// which the bias does not take part in. Output: y (N, OH, OW, O).
struct Conv {
    static constexpr std::string_view kType = "Conv";
    static constexpr std::array kInputs{InputRole::activation, InputRole::weight, InputRole::bias, InputRole::gain};
    static constexpr Int8 kInt8 = Int8::layer;
    static constexpr bool kOverwritesGradients = true;

    std::array<std::int64_t, 2> stride{1, 1};    ///< vertical, horizontal
    std::array<std::int64_t, 2> dilation{1, 1};  ///< vertical, horizontal
    std::array<std::int64_t, 4> padding{};       ///< top, left, bottom, right
    std::int64_t groups = 1;

    static void fields(auto& op, auto&& field) {
        field("stride", op.stride);
        field("dilation", op.dilation);
        field("padding", op.padding);
        field("groups", op.groups);
    }
};

/// What the kernels need to know of a convolution of an input and weights of these shapes to an output of shape y.
ConvolutionGeometry geometry_of(const Conv& conv, const Shape& x, const Shape& weight, const Shape& y);

std::vector<Shape> infer_shapes(const Conv& conv, std::span<const Shape> inputs);
std::int64_t multiply_accumulates(const Conv& conv, std::span<const Shape> inputs, std::span<const Shape> outputs);
void forward(const Conv& conv, const ForwardArguments& arguments);
/// Floats of the sums of weight gradients.
std::int64_t backward_workspace(const Conv& conv, std::span<const Shape> inputs);
void backward(const Conv& conv, const BackwardArguments& arguments);

}  // namespace eigenbit::internal
