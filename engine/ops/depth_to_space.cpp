#include "engine/ops/depth_to_space.h"

#include "engine/base/error.h"
#include "engine/ops/pixel_blocks.h"
#include "engine/ops/shape_rules.h"

#include <algorithm>

namespace eigenbit::internal {
namespace {

PixelBlocks places(const DepthToSpace& depth_to_space, const Shape& x) {
    const bool depth_first = depth_to_space.order == DepthToSpace::Order::depth_first;
    return {x, depth_to_space.block, depth_to_space.width(), depth_first};
}

void move_elements(const DepthToSpace& depth_to_space, const auto& arguments) {
    const PixelBlocks s = places(depth_to_space, arguments.inputs[0].shape);
    copy_strided({s.shape, {s.pixels, s.blocks}}, arguments.outputs[0].data, arguments.inputs[0].data);
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
    const PixelBlocks s = places(depth_to_space, dx.shape);
    add_strided({s.shape, {s.blocks, s.pixels}}, dx.data, arguments.output_gradients[0].data);
}

}  // namespace eigenbit::internal
