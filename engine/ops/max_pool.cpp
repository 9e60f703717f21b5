#include "engine/ops/max_pool.h"

#include "engine/ops/chunks.h"
#include "engine/ops/pooling.h"

namespace eigenbit {
namespace {

Pooling pooling(const MaxPool& max_pool) {
    return {max_pool.kernel, max_pool.stride, max_pool.dilation, max_pool.padding, max_pool.ceil_mode};
}

/// best = max(best, x)
void keep_larger(const float* __restrict x, std::int64_t channels, float* __restrict best) {
    for (std::int64_t c = 0; c < channels; ++c) best[c] = x[c] > best[c] ? x[c] : best[c];
}

/// Where x is the maximum, gives it what is left of the gradient: all for the first such tap, nothing for later ones.
void take_gradient(const float* __restrict x, const float* __restrict maximum, std::int64_t channels,
                   float* __restrict left, float* __restrict dx) {
    for (std::int64_t c = 0; c < channels; ++c) {
        const bool is_maximum = x[c] == maximum[c];
        dx[c] += is_maximum ? left[c] : 0.0F;
        left[c] = is_maximum ? 0.0F : left[c];
    }
}

}  // namespace

std::vector<Shape> infer_shapes(const MaxPool& max_pool, std::span<const Shape> inputs) {
    return {pooled_shape(max_pool.kType, pooling(max_pool), inputs)};
}

void forward(const MaxPool& max_pool, const ForwardArguments& arguments) {
    const ConstView x = arguments.inputs[0];
    const View y = arguments.outputs[0];
    const std::int64_t channels = x.shape[3];
    const Pooling p = pooling(max_pool);
    const std::int64_t row_elements = y.shape[2] * channels * p.kernel[0] * p.kernel[1];
    for_each_chunk(y.shape[0] * y.shape[1], row_elements, [&](std::int64_t begin, std::int64_t end) {
        for_each_window(p, x.shape, y.shape, begin, end,
                        [&](const WindowSide& rows, const WindowSide& columns, std::int64_t image, std::int64_t pixel) {
                            float* best = y.data + pixel * channels;
                            bool first = true;
                            for_each_tap(p, x.shape, rows, columns, image, [&](std::int64_t tap) {
                                const float* from = x.data + tap * channels;
                                if (first)
                                    std::copy_n(from, channels, best);
                                else
                                    keep_larger(from, channels, best);
                                first = false;
                            });
                        });
    });
}

void backward(const MaxPool& max_pool, const BackwardArguments& arguments) {
    const ConstView x = arguments.inputs[0];
    const ConstView y = arguments.outputs[0];
    const ConstView dy = arguments.output_gradients[0];
    const View dx = arguments.input_gradients[0];
    if (dx.data == nullptr) return;
    const std::int64_t channels = x.shape[3];
    const Pooling p = pooling(max_pool);
    const std::int64_t image_elements = y.shape.elements(1, 4) * p.kernel[0] * p.kernel[1];
    for_each_chunk(y.shape[0], image_elements, [&](std::int64_t begin, std::int64_t end) {
        std::vector<float> left(static_cast<std::size_t>(channels));
        for_each_window(p, x.shape, y.shape, begin * y.shape[1], end * y.shape[1],
                        [&](const WindowSide& rows, const WindowSide& columns, std::int64_t image, std::int64_t pixel) {
                            std::copy_n(dy.data + pixel * channels, channels, left.data());
                            for_each_tap(p, x.shape, rows, columns, image, [&](std::int64_t tap) {
                                take_gradient(x.data + tap * channels, y.data + pixel * channels, channels, left.data(),
                                              dx.data + tap * channels);
                            });
                        });
    });
}

}  // namespace eigenbit
