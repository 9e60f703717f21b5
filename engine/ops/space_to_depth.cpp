#include "engine/ops/space_to_depth.h"

#include "engine/base/error.h"
#include "engine/ops/shape_rules.h"
#include "engine/ops/strided.h"

namespace eigenbit::internal {
namespace {

/// Both tensors along the axes (N, H, W, dy, dx · C) of the output.
struct Strided {
    Shape shape;
    Strides x;
    Strides y;

    Strided(const SpaceToDepth& space_to_depth, const Shape& input) {
        const std::int64_t b = space_to_depth.block;
        const Strides of_x = dense_strides(input);
        shape = Shape{input[0], input[1] / b, input[2] / b, b, b * input[3]};
        x = Strides{of_x[0], b * of_x[1], b * of_x[2], of_x[1], 1};
        y = dense_strides(shape);
    }
};

void move_elements(const SpaceToDepth& space_to_depth, const auto& arguments) {
    const Strided s(space_to_depth, arguments.inputs[0].shape);
    copy_strided({s.shape, {s.y, s.x}}, arguments.outputs[0].data, arguments.inputs[0].data);
}

}  // namespace

std::vector<Shape> infer_shapes(const SpaceToDepth& space_to_depth, std::span<const Shape> inputs) {
    expect_inputs(space_to_depth.kType, inputs, 1, 1);
    const Shape& x = inputs[0];
    const std::int64_t b = space_to_depth.block;
    constexpr std::int64_t kLargestBlock = 1 << 11;
    if (x.rank() != 4 || b < 1 || b > kLargestBlock || x[1] % b != 0 || x[2] % b != 0) {
        fail("SpaceToDepth with blocks of {0} × {0} takes an image batch whose height and width are multiples of {0}, "
             "not {1}.",
             b, to_string(x));
    }
    return {Shape{x[0], x[1] / b, x[2] / b, x[3] * b * b}};
}

void forward(const SpaceToDepth& space_to_depth, const ForwardArguments& arguments) {
    move_elements(space_to_depth, arguments);
}

void forward(const SpaceToDepth& space_to_depth, const ByteForwardArguments& arguments) {
    move_elements(space_to_depth, arguments);
}

void backward(const SpaceToDepth& space_to_depth, const BackwardArguments& arguments) {
    const View dx = arguments.input_gradients[0];
    if (dx.data == nullptr) return;
    const Strided s(space_to_depth, dx.shape);
    add_strided({s.shape, {s.x, s.y}}, dx.data, arguments.output_gradients[0].data);
}

}  // namespace eigenbit::internal
