#include "engine/ops/space_to_depth.h"

#include "engine/base/error.h"
#include "engine/ops/pixel_blocks.h"
#include "engine/ops/shape_rules.h"

namespace eigenbit::internal {
namespace {

PixelBlocks places(const SpaceToDepth& space_to_depth, const Shape& y) {
    return {y, space_to_depth.block, space_to_depth.block, true};
}

void move_elements(const SpaceToDepth& space_to_depth, const auto& arguments) {
    const PixelBlocks s = places(space_to_depth, arguments.outputs[0].shape);
    copy_strided({s.shape, {s.blocks, s.pixels}}, arguments.outputs[0].data, arguments.inputs[0].data);
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
    const PixelBlocks s = places(space_to_depth, arguments.output_gradients[0].shape);
    add_strided({s.shape, {s.pixels, s.blocks}}, dx.data, arguments.output_gradients[0].data);
}

}  // namespace eigenbit::internal
