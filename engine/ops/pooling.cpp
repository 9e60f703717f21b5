#include "engine/ops/pooling.h"

#include "engine/base/error.h"
#include "engine/ops/shape_rules.h"

#include <algorithm>

namespace eigenbit::internal {
namespace {

std::int64_t output_extent(std::string_view type, const Pooling& pooling, int axis, std::int64_t extent) {
    const auto a = static_cast<std::size_t>(axis);
    const std::int64_t before = pooling.padding[a];
    const std::int64_t span = pooling.dilation[a] * (pooling.kernel[a] - 1) + 1;
    const std::int64_t padded = extent + before + pooling.padding[a + 2];
    const std::int64_t stride = pooling.stride[a];
    const std::int64_t steps = padded - span + (pooling.ceil_mode ? stride - 1 : 0);
    if (steps < 0) fail("{}: the kernel covers {} pixels but the padded image has only {}.", type, span, padded);
    std::int64_t outputs = steps / stride + 1;
    if (pooling.ceil_mode && (outputs - 1) * stride >= extent + before) --outputs;
    for (std::int64_t output = 0; output < outputs; ++output) {
        const WindowSide side = window_side(pooling, axis, output, extent);
        if (side.start >= 0 && side.start < extent) {  // it sees its first tap, as do all that begin in the image
            output = (extent - 1 + before) / stride;
            continue;
        }
        if (side.begin >= side.end) {
            fail("{}: with a kernel of {} and padding {} a window sees nothing of the image's {} pixels.", type,
                 pooling.kernel[a], before, extent);
        }
    }
    return outputs;
}

}  // namespace

Shape pooled_shape(std::string_view type, const Pooling& pooling, std::span<const Shape> inputs) {
    expect_inputs(type, inputs, 1, 1);
    const Shape& x = inputs[0];
    if (x.rank() != 4) fail("{} takes an image batch of 4 dimensions, not {}.", type, to_string(x));
    constexpr std::int64_t kLargest = 1 << 20;
    const auto outside = [](const auto& values, std::int64_t least) {
        return std::ranges::any_of(values, [least](std::int64_t value) { return value < least || value > kLargest; });
    };
    if (outside(pooling.kernel, 1) || outside(pooling.stride, 1) || outside(pooling.dilation, 1)
        || outside(pooling.padding, 0)) {
        fail("{}: kernel, strides and dilations must be between 1 and {}, paddings between 0 and that.", type,
             kLargest);
    }
    return Shape{x[0], output_extent(type, pooling, 0, x[1]), output_extent(type, pooling, 1, x[2]), x[3]};
}

WindowSide window_side(const Pooling& pooling, int axis, std::int64_t output, std::int64_t extent) {
    const auto a = static_cast<std::size_t>(axis);
    const std::int64_t dilation = pooling.dilation[a];
    const std::int64_t start = output * pooling.stride[a] - pooling.padding[a];
    const auto taps_before = [&](std::int64_t position) {  // how many taps lie before a position
        const std::int64_t distance = std::max<std::int64_t>(position - start, 0);
        return std::min((distance + dilation - 1) / dilation, pooling.kernel[a]);
    };
    return {start, taps_before(0), taps_before(extent)};
}

}  // namespace eigenbit::internal
