#include "engine/ops/max_unpool.h"

#include "engine/base/chunks.h"
#include "engine/base/error.h"
#include "engine/ops/pooling.h"
#include "engine/ops/shape_rules.h"

#include <algorithm>

namespace eigenbit::internal {
namespace {

/// Calls visit(element of x, element of the image) for every window and channel: where its maximum is.
template <typename Visit>
void for_each_maximum(const MaxUnpool& unpool, const Shape& x, ConstView image, Visit visit) {
    const std::int64_t channels = x[3];
    const Pooling p = pooling(unpool.pool);
    for_each_chunk(x[0] * x[1], x[2] * channels * p.kernel[0] * p.kernel[1], [&](std::int64_t begin, std::int64_t end) {
        std::vector<std::int64_t> places(static_cast<std::size_t>(channels));
        for_each_window(p, image.shape, x, begin, end, [&](const PoolingWindow& window) {
            std::int64_t taps = 0;
            for_each_tap(p, image.shape, window, [&](std::int64_t tap) {
                for (std::int64_t c = 0; c < channels; ++c) {
                    std::int64_t& place = places[static_cast<std::size_t>(c)];
                    if (taps == 0 || image[tap * channels + c] > image[place]) place = tap * channels + c;
                }
                ++taps;
            });
            for (std::int64_t c = 0; c < channels; ++c) {
                visit(window.output * channels + c, places[static_cast<std::size_t>(c)]);
            }
        });
    });
}

}  // namespace

std::vector<Shape> infer_shapes(const MaxUnpool& unpool, std::span<const Shape> inputs) {
    expect_inputs(unpool.kType, inputs, 2, 2);
    const MaxPool& pool = unpool.pool;
    const Shape pooled = infer_shapes(pool, inputs.subspan(1)).front();
    if (!(pooled == inputs[0])) {
        fail("MaxUnpool of {} has maxima of {}, where {} were expected.", to_string(inputs[0]), to_string(inputs[1]),
             to_string(pooled));
    }
    for (std::size_t axis = 0; axis < 2; ++axis) {
        if (pool.dilation[axis] * (pool.kernel[axis] - 1) < pool.stride[axis]) continue;
        fail("MaxUnpool of windows that overlap, {} pixels every {}, is not supported.", pool.kernel[axis],
             pool.stride[axis]);
    }
    return {inputs[1]};
}

void forward(const MaxUnpool& unpool, const ForwardArguments& arguments) {
    const ConstView x = arguments.inputs[0];
    const View y = arguments.outputs[0];
    for_each_chunk(y.elements(), 1,
                   [&](std::int64_t begin, std::int64_t end) { std::fill(y.data + begin, y.data + end, 0.0F); });
    for_each_maximum(unpool, x.shape, arguments.inputs[1],
                     [&](std::int64_t from, std::int64_t to) { y[to] = x[from]; });
}

void backward(const MaxUnpool& unpool, const BackwardArguments& arguments) {
    const View dx = arguments.input_gradients[0];
    if (dx.data == nullptr) return;
    const ConstView dy = arguments.output_gradients[0];
    for_each_maximum(unpool, dx.shape, arguments.inputs[1],
                     [&](std::int64_t to, std::int64_t from) { dx[to] += dy[from]; });
}

}  // namespace eigenbit::internal
