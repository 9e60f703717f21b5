#include "engine/ops/max_pool.h"

#include "engine/base/chunks.h"

#include <algorithm>
#include <limits>

namespace eigenbit::internal {
namespace {

/// Less than any other, or equal.
template <typename Element>
constexpr Element kLeast = std::numeric_limits<Element>::lowest();
template <>
constexpr float kLeast<float> = -std::numeric_limits<float>::infinity();

/// best = max(best, x)
template <typename Element>
void keep_larger(const Element* __restrict x, std::int64_t channels, Element* __restrict best) {
    for (std::int64_t c = 0; c < channels; ++c) best[c] = x[c] > best[c] ? x[c] : best[c];
}

/// Where x is the maximum, gives it what is left of the gradient: all for the first such tap, nothing for later ones.
void take_gradient(const float* __restrict x, const float* __restrict maximum, std::int64_t channels,
                   float* __restrict left, float* __restrict dx) {
    for (std::int64_t c = 0; c < channels; ++c) {
        const float taken = static_cast<float>(x[c] == maximum[c]) * left[c];
        dx[c] += taken;
        left[c] -= taken;
    }
}

template <typename Element>
void move_elements(const MaxPool& max_pool, const auto& arguments) {
    const auto x = arguments.inputs[0];
    const auto y = arguments.outputs[0];
    const std::int64_t channels = x.shape[3];
    const Pooling p = pooling(max_pool);
    constexpr std::int64_t kElementsOfFloat =
        sizeof(float) / sizeof(Element);  // one vector instruction does more bytes
    const std::int64_t row_elements = y.shape[2] * channels * p.kernel[0] * p.kernel[1] / kElementsOfFloat;
    for_each_chunk(y.shape[0] * y.shape[1], row_elements, [&](std::int64_t begin, std::int64_t end) {
        for_each_window(p, x.shape, y.shape, begin, end, [&](const PoolingWindow& window) {
            Element* best = y.data + window.output * channels;
            std::fill_n(best, channels, kLeast<Element>);
            for_each_tap(p, x.shape, window,
                         [&](std::int64_t tap) { keep_larger(x.data + tap * channels, channels, best); });
        });
    });
}

}  // namespace

Pooling pooling(const MaxPool& max_pool) {
    return {max_pool.kernel, max_pool.stride, max_pool.dilation, max_pool.padding, max_pool.ceil_mode};
}

std::vector<Shape> infer_shapes(const MaxPool& max_pool, std::span<const Shape> inputs) {
    return {pooled_shape(max_pool.kType, pooling(max_pool), inputs)};
}

void forward(const MaxPool& max_pool, const ForwardArguments& arguments) { move_elements<float>(max_pool, arguments); }

void forward(const MaxPool& max_pool, const ByteForwardArguments& arguments) {
    move_elements<std::uint8_t>(max_pool, arguments);
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
        for_each_window(p, x.shape, y.shape, begin * y.shape[1], end * y.shape[1], [&](const PoolingWindow& window) {
            const float* maximum = y.data + window.output * channels;
            std::copy_n(dy.data + window.output * channels, channels, left.data());
            for_each_tap(p, x.shape, window, [&](std::int64_t tap) {
                take_gradient(x.data + tap * channels, maximum, channels, left.data(), dx.data + tap * channels);
            });
        });
    });
}

}  // namespace eigenbit::internal
