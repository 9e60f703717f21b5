#include "engine/ops/prelu.h"

#include "engine/base/error.h"
#include "engine/ops/channel_lanes.h"
#include "engine/ops/shape_rules.h"
#include "engine/ops/strided_fold.h"

namespace eigenbit::internal {
namespace {

TiledChannels slope_lanes(ConstView slope) {
    return TiledChannels(slope.elements(), [&](std::int64_t c) { return slope[c]; });
}

void activate(std::int64_t count, const float* __restrict x, const float* __restrict slope, float* __restrict y) {
    for (std::int64_t i = 0; i < count; ++i) {
        const float sloped = slope[i] * x[i];  // of every x, so that no element needs a branch
        y[i] = x[i] < 0.0F ? sloped : x[i];
    }
}

void add_input_gradient(std::int64_t count, const float* __restrict x, const float* __restrict slope,
                        const float* __restrict dy, float* __restrict dx) {
    for (std::int64_t i = 0; i < count; ++i) {
        const float above = x[i] > 0.0F ? 1.0F : 0.0F;
        dx[i] += (above + (1.0F - above) * slope[i]) * dy[i];
    }
}

}  // namespace

std::vector<Shape> infer_shapes(const PRelu& prelu, std::span<const Shape> inputs) {
    expect_inputs(prelu.kType, inputs, 2, 2);
    const Shape& x = inputs[0];
    const Shape& slope = inputs[1];
    const bool is_number = slope == Shape{} || slope == Shape{1};
    if (!is_number && (x.rank() == 0 || !(slope == Shape{x.back()}))) {
        fail("PRelu has a slope of shape {} for an input of shape {}, expected one number, or one for each channel.",
             to_string(slope), to_string(x));
    }
    return {x};
}

void forward(const PRelu&, const ForwardArguments& arguments) {
    const ConstView x = arguments.inputs[0];
    const TiledChannels slope = slope_lanes(arguments.inputs[1]);
    for_each_stretch_in_parallel(x.elements(), slope.length(), [&](std::int64_t at, std::int64_t count) {
        activate(count, x.data + at, slope.data(), arguments.outputs[0].data + at);
    });
}

void backward(const PRelu&, const BackwardArguments& arguments) {
    const ConstView x = arguments.inputs[0];
    const ConstView dy = arguments.output_gradients[0];
    const View dx = arguments.input_gradients[0];
    const View dslope = arguments.input_gradients[1];
    if (dx.data != nullptr) {
        const TiledChannels slope = slope_lanes(arguments.inputs[1]);
        for_each_stretch_in_parallel(x.elements(), slope.length(), [&](std::int64_t at, std::int64_t count) {
            add_input_gradient(count, x.data + at, slope.data(), dy.data + at, dx.data + at);
        });
    }
    if (dslope.data == nullptr) return;
    const Strides slope_strides = dslope.elements() == 1 ? Strides{} : broadcast_strides(dslope.shape, x.shape);
    const StridedWalk<2> walk(x.shape, {slope_strides, dense_strides(x.shape)});
    const StridedTerms<2> terms = [&](const auto& offsets, std::int64_t count, float* buffer) {
        for (std::int64_t i = 0; i < count; ++i) {
            const std::int64_t at = offsets[1] + i;
            buffer[i] = (x[at] < 0.0F ? x[at] : 0.0F) * dy[at];
        }
        return buffer;
    };
    StridedSum<2>(walk, terms).add_to(dslope, 1.0F);
}

}  // namespace eigenbit::internal
