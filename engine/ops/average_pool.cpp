#include "engine/ops/average_pool.h"

#include "engine/ops/chunks.h"
#include "engine/ops/pooling.h"

namespace eigenbit {
namespace {

Pooling pooling(const AveragePool& average_pool) {
    return {average_pool.kernel, average_pool.stride, {1, 1}, average_pool.padding, average_pool.ceil_mode};
}

/// How many pixels a window's sum is divided by along one axis. What lies beyond the padding never counts.
std::int64_t counted(const AveragePool& average_pool, int axis, const WindowSide& side, std::int64_t extent) {
    const auto a = static_cast<std::size_t>(axis);
    if (!average_pool.count_padding) return side.end - side.begin;
    return std::min(average_pool.kernel[a], extent + average_pool.padding[a + 2] - side.start);
}

/// Calls visit(weight, image, rows, columns, output pixel) for the windows of the output rows begin … end-1.
template <typename Visit>
void for_each_weighted_window(const AveragePool& average_pool, const Shape& x, const Shape& y, std::int64_t begin,
                              std::int64_t end, Visit visit) {
    const Pooling p = pooling(average_pool);
    for_each_window(
        p, x, y, begin, end,
        [&](const WindowSide& rows, const WindowSide& columns, std::int64_t image, std::int64_t pixel) {
            const std::int64_t count = counted(average_pool, 0, rows, x[1]) * counted(average_pool, 1, columns, x[2]);
            const float weight = 1.0F / static_cast<float>(count);
            visit(weight, pixel, [&](auto visit_tap) { for_each_tap(p, x, rows, columns, image, visit_tap); });
        });
}

}  // namespace

std::vector<Shape> infer_shapes(const AveragePool& average_pool, std::span<const Shape> inputs) {
    return {pooled_shape(average_pool.kType, pooling(average_pool), inputs)};
}

void forward(const AveragePool& average_pool, const ForwardArguments& arguments) {
    const ConstView x = arguments.inputs[0];
    const View y = arguments.outputs[0];
    const std::int64_t channels = x.shape[3];
    const std::int64_t row_elements = y.shape[2] * channels * average_pool.kernel[0] * average_pool.kernel[1];
    for_each_chunk(y.shape[0] * y.shape[1], row_elements, [&](std::int64_t begin, std::int64_t end) {
        for_each_weighted_window(average_pool, x.shape, y.shape, begin, end,
                                 [&](float weight, std::int64_t pixel, auto for_each_tap_of_it) {
                                     float* mean = y.data + pixel * channels;
                                     std::fill_n(mean, channels, 0.0F);
                                     for_each_tap_of_it([&](std::int64_t tap) {
                                         const float* from = x.data + tap * channels;
                                         for (std::int64_t c = 0; c < channels; ++c) mean[c] += from[c];
                                     });
                                     for (std::int64_t c = 0; c < channels; ++c) mean[c] *= weight;
                                 });
    });
}

void backward(const AveragePool& average_pool, const BackwardArguments& arguments) {
    const ConstView dy = arguments.output_gradients[0];
    const View dx = arguments.input_gradients[0];
    if (dx.data == nullptr) return;
    const Shape& y = dy.shape;
    const std::int64_t channels = dx.shape[3];
    const std::int64_t image_elements = y.elements(1, 4) * average_pool.kernel[0] * average_pool.kernel[1];
    for_each_chunk(y[0], image_elements, [&](std::int64_t begin, std::int64_t end) {
        for_each_weighted_window(average_pool, dx.shape, y, begin * y[1], end * y[1],
                                 [&](float weight, std::int64_t pixel, auto for_each_tap_of_it) {
                                     const float* from = dy.data + pixel * channels;
                                     for_each_tap_of_it([&](std::int64_t tap) {
                                         float* to = dx.data + tap * channels;
                                         for (std::int64_t c = 0; c < channels; ++c) to[c] += weight * from[c];
                                     });
                                 });
    });
}

}  // namespace eigenbit
