#include "engine/ops/depth_to_space.h"

#include "engine/base/error.h"
#include "engine/ops/shape_rules.h"
#include "engine/ops/strided.h"

#include <algorithm>

namespace eigenbit::internal {
namespace {

/// Both tensors along the axes (N, H, dy, W, dx, C) of the output.
struct Strided {
    Shape shape;
    Strides x;
    Strides y;

    Strided(const DepthToSpace& depth_to_space, const Shape& input) {
        const std::int64_t b = depth_to_space.block;
        const std::int64_t w = depth_to_space.width();
        const std::int64_t channels = input[3] / (b * w);
        shape = Shape{input[0], input[1], b, input[2], w, channels};
        y = dense_strides(shape);
        const Strides of_x = dense_strides(input);
        const bool depth_first = depth_to_space.order == DepthToSpace::Order::depth_first;
        x = depth_first ? Strides{of_x[0], of_x[1], w * channels, of_x[2], channels, 1}
                        : Strides{of_x[0], of_x[1], w, of_x[2], 1, b * w};
    }
};

void move_elements(const DepthToSpace& depth_to_space, const auto& arguments) {
    const Strided s(depth_to_space, arguments.inputs[0].shape);
    copy_strided({s.shape, {s.y, s.x}}, arguments.outputs[0].data, arguments.inputs[0].data);
}

}  // namespace

std::vector<Shape> infer_shapes(const DepthToSpace& depth_to_space, std::span<const Shape> inputs) {
    expect_inputs(depth_to_space.kType, inputs, 1, 1);
    const Shape& x = inputs[0];
    const std::int64_t b = depth_to_space.block;
    const std::int64_t w = depth_to_space.width();
    constexpr std::int64_t kLargestBlock = 1 << 15;
    if (x.rank() != 4 || std::min(b, w) < 1 || std::max(b, w) > kLargestBlock || x[3] % (b * w) != 0) {
        fail("DepthToSpace with blocks of {} × {} takes an image batch whose channels are a multiple of that, not {}.",
             b, w, to_string(x));
    }
    return {Shape{x[0], x[1] * b, x[2] * w, x[3] / (b * w)}};
}

void forward(const DepthToSpace& depth_to_space, const ForwardArguments& arguments) {
    move_elements(depth_to_space, arguments);
}

void forward(const DepthToSpace& depth_to_space, const ByteForwardArguments& arguments) {
    move_elements(depth_to_space, arguments);
}

void backward(const DepthToSpace& depth_to_space, const BackwardArguments& arguments) {
    const View dx = arguments.input_gradients[0];
    if (dx.data == nullptr) return;
    const Strided s(depth_to_space, dx.shape);
    add_strided({s.shape, {s.x, s.y}}, dx.data, arguments.output_gradients[0].data);
}

}  // namespace eigenbit::internal
