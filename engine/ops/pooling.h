#pragma once

#include "engine/base/tensor.h"

#include <array>
#include <span>
#include <string_view>

namespace eigenbit::internal {

/// How a pooling operator lays windows over an image; pairs are vertical, horizontal.
struct Pooling {
    std::array<std::int64_t, 2> kernel;
    std::array<std::int64_t, 2> stride;
    std::array<std::int64_t, 2> dilation;
    std::array<std::int64_t, 4> padding;  ///< top, left, bottom, right
    bool ceil_mode;
};

/// (N, OH, OW, C) for an input (N, H, W, C). In ceil mode a window counts if it starts inside the image or the padding
/// before it, as in PyTorch. Throws Error where no window fits, or one would see nothing but padding.
Shape pooled_shape(std::string_view type, const Pooling& pooling, std::span<const Shape> inputs);

/// A window along one axis: where its first tap lies, perhaps in the padding, and which taps lie in the image.
struct WindowSide {
    std::int64_t start;
    std::int64_t begin;
    std::int64_t end;
};

WindowSide window_side(const Pooling& pooling, int axis, std::int64_t output, std::int64_t extent);

struct PoolingWindow {
    WindowSide rows;
    WindowSide columns;
    std::int64_t image;
    std::int64_t output;  ///< pixel, counted through all images
};

/// Calls visit(window) for all windows of the output rows begin … end-1, counted through all images.
template <typename Visit>
void for_each_window(const Pooling& pooling, const Shape& x, const Shape& y, std::int64_t begin, std::int64_t end,
                     Visit visit) {
    for (std::int64_t row = begin; row < end; ++row) {
        const WindowSide rows = window_side(pooling, 0, row % y[1], x[1]);
        for (std::int64_t column = 0; column < y[2]; ++column) {
            visit(PoolingWindow{rows, window_side(pooling, 1, column, x[2]), row / y[1], row * y[2] + column});
        }
    }
}

/// Calls visit(input pixel) for the taps of a window inside the image; pixels are counted through all images.
template <typename Visit>
void for_each_tap(const Pooling& pooling, const Shape& x, const PoolingWindow& window, Visit visit) {
    const auto& [rows, columns, image, output] = window;
    for (std::int64_t ky = rows.begin; ky < rows.end; ++ky) {
        const std::int64_t row = (image * x[1] + rows.start + ky * pooling.dilation[0]) * x[2] + columns.start;
        for (std::int64_t kx = columns.begin; kx < columns.end; ++kx) visit(row + kx * pooling.dilation[1]);
    }
}

}  // namespace eigenbit::internal
