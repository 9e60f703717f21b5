#include "engine/ops/average_pool.h"

#include "engine/base/chunks.h"
#include "engine/ops/pooling.h"

#include <algorithm>
#include <limits>
#include <vector>

namespace eigenbit::internal {
namespace {

Pooling pooling(const AveragePool& average_pool) {
    return {average_pool.kernel, average_pool.stride, average_pool.dilation, average_pool.padding,
            average_pool.ceil_mode};
}

/// How many pixels a window's sum is divided by along one axis. What lies beyond the padding never counts.
std::int64_t counted(const AveragePool& average_pool, int axis, const WindowSide& side, std::int64_t extent) {
    const auto a = static_cast<std::size_t>(axis);
    if (!average_pool.count_padding) return side.end - side.begin;
    const std::int64_t distance = extent + average_pool.padding[a + 2] - side.start;
    return std::min(average_pool.kernel[a], (distance + average_pool.dilation[a] - 1) / average_pool.dilation[a]);
}

std::int64_t pixels_counted(const AveragePool& average_pool, const PoolingWindow& window, const Shape& x) {
    return counted(average_pool, 0, window.rows, x[1]) * counted(average_pool, 1, window.columns, x[2]);
}

/// 1 / the number of pixels that a window's sum is divided by.
float weight(const AveragePool& average_pool, const PoolingWindow& window, const Shape& x) {
    return 1.0F / static_cast<float>(pixels_counted(average_pool, window, x));
}

/// Calls visit(window, sums of the channels) for every window: of floats or levels, in sums of this type.
template <typename Sum, typename Element, typename Visit>
void for_each_sum(const AveragePool& average_pool, BasicView<const Element> x, const Shape& y, Visit visit) {
    const std::int64_t channels = x.shape[3];
    const Pooling p = pooling(average_pool);
    const std::int64_t row_elements = y[2] * channels * p.kernel[0] * p.kernel[1];
    for_each_chunk(y[0] * y[1], row_elements, [&](std::int64_t begin, std::int64_t end) {
        std::vector<Sum> sums(static_cast<std::size_t>(channels));
        Sum* const sum = sums.data();
        for_each_window(p, x.shape, y, begin, end, [&](const PoolingWindow& window) {
            std::ranges::fill(sums, Sum{0});
            for_each_tap(p, x.shape, window, [&](std::int64_t tap) {
                const Element* from = x.data + tap * channels;
                for (std::int64_t c = 0; c < channels; ++c) sum[c] += Sum{from[c]};
            });
            visit(window, sum);
        });
    });
}

/// The means, from sums of this type.
template <typename Sum>
void forward_in(const AveragePool& average_pool, const ForwardArguments& arguments) {
    const ConstView x = arguments.inputs[0];
    const View y = arguments.outputs[0];
    const std::int64_t channels = x.shape[3];
    for_each_sum<Sum>(average_pool, x, y.shape, [&](const PoolingWindow& window, const Sum* sum) {
        float* mean = y.data + window.output * channels;
        const Sum factor{weight(average_pool, window, x.shape)};
        for (std::int64_t c = 0; c < channels; ++c) mean[c] = static_cast<float>(sum[c] * factor);
    });
}

/// The means of levels, from sums of this type.
template <typename Sum>
void average_levels(const AveragePool& average_pool, const LevelMeanArguments& arguments) {
    const auto x = arguments.levels;
    const View y = arguments.means;
    const std::int64_t channels = x.shape[3];
    for_each_sum<Sum>(average_pool, x, y.shape, [&](const PoolingWindow& window, const Sum* sum) {
        const std::int64_t taps = (window.rows.end - window.rows.begin) * (window.columns.end - window.columns.begin);
        const std::int64_t divisor = pixels_counted(average_pool, window, x.shape);
        float* mean = y.data + window.output * channels;
        for (std::int64_t c = 0; c < channels; ++c) {
            mean[c] = arguments.mean(static_cast<std::int64_t>(sum[c]), taps, divisor);
        }
    });
}

}  // namespace

std::vector<Shape> infer_shapes(const AveragePool& average_pool, std::span<const Shape> inputs) {
    return {pooled_shape(average_pool.kType, pooling(average_pool), inputs)};
}

void forward(const AveragePool& average_pool, const ForwardArguments& arguments) {
    constexpr std::int64_t kMostFloats = 1024;  // a window may be a whole large image
    if (average_pool.kernel[0] * average_pool.kernel[1] > kMostFloats) {
        forward_in<double>(average_pool, arguments);
    } else {
        forward_in<float>(average_pool, arguments);
    }
}

void forward(const AveragePool& average_pool, const LevelMeanArguments& arguments) {
    constexpr std::int64_t kMostLevels = std::numeric_limits<std::uint32_t>::max() / 255;
    if (average_pool.kernel[0] * average_pool.kernel[1] > kMostLevels) {
        average_levels<std::uint64_t>(average_pool, arguments);
    } else {
        average_levels<std::uint32_t>(average_pool, arguments);
    }
}

void backward(const AveragePool& average_pool, const BackwardArguments& arguments) {
    const ConstView dy = arguments.output_gradients[0];
    const View dx = arguments.input_gradients[0];
    if (dx.data == nullptr) return;
    const Shape& y = dy.shape;
    const std::int64_t channels = dx.shape[3];
    const Pooling p = pooling(average_pool);
    const std::int64_t image_elements = y.elements(1, 4) * p.kernel[0] * p.kernel[1];
    for_each_chunk(y[0], image_elements, [&](std::int64_t begin, std::int64_t end) {
        for_each_window(p, dx.shape, y, begin * y[1], end * y[1], [&](const PoolingWindow& window) {
            const float* from = dy.data + window.output * channels;
            const float factor = weight(average_pool, window, dx.shape);
            for_each_tap(p, dx.shape, window, [&](std::int64_t tap) {
                float* to = dx.data + tap * channels;
                for (std::int64_t c = 0; c < channels; ++c) to[c] += factor * from[c];
            });
        });
    });
}

}  // namespace eigenbit::internal
