#include "engine/weights/mix.h"

#include "engine/base/error.h"
#include "engine/kernels/cpu.h"
#include "engine/kernels/f32/gemm.h"

#include <tbb/parallel_for.h>

#include <algorithm>
#include <vector>

namespace eigenbit::internal {
namespace {

/// A view (O, taps, I) as `outer` matrices of `extent` × `inner`, the axis in the middle.
struct Unfolded {
    std::int64_t outer, extent, inner;

    Unfolded(const Shape& shape, Axis axis) {
        const int middle = tensor_axis(axis);
        outer = shape.elements(0, middle);
        extent = shape[middle];
        inner = shape.elements(middle + 1, 3);
    }
};

void check_columns(ConstView matrix, std::int64_t extent) {
    if (matrix.shape[1] != extent) {
        fail("A transform of {} columns does not fit an axis of {}.", matrix.shape[1], extent);
    }
}

std::vector<float> transpose(ConstView matrix) {
    const std::int64_t rows = matrix.shape[0];
    const std::int64_t columns = matrix.shape[1];
    std::vector<float> result(static_cast<std::size_t>(rows * columns));
    for (std::int64_t row = 0; row < rows; ++row) {
        for (std::int64_t column = 0; column < columns; ++column) {
            result[static_cast<std::size_t>(column * rows + row)] = matrix[row * columns + column];
        }
    }
    return result;
}

}  // namespace

Tensor mix(ConstView weights, Axis axis, ConstView matrix) {
    Shape shape = weights.shape;
    shape[tensor_axis(axis)] = matrix.shape[0];
    Tensor result(shape);
    mix(weights, axis, matrix, result);
    return result;
}

void mix(ConstView weights, Axis axis, ConstView matrix, View result) {
    const Unfolded view(weights.shape, axis);
    check_columns(matrix, view.extent);
    const std::int64_t rows = matrix.shape[0];
    if (view.inner == 1) {
        gemm(view.outer, rows, view.extent, {weights.data, view.extent}, {matrix.data, view.extent, true}, false,
             result.data, rows);
        return;
    }
    for (std::int64_t block = 0; block < view.outer; ++block) {
        gemm(rows, view.inner, view.extent, {matrix.data, view.extent},
             {weights.data + block * view.extent * view.inner, view.inner}, false,
             result.data + block * rows * view.inner, view.inner);
    }
}

Tensor rounded_mix(ConstView weights, Axis axis, ConstView matrix) {
    constexpr std::int64_t kTaskProducts = std::int64_t{1} << 18;
    const Unfolded view(weights.shape, axis);
    check_columns(matrix, view.extent);
    const std::int64_t rows = matrix.shape[0];
    Shape shape = weights.shape;
    shape[tensor_axis(axis)] = rows;
    Tensor result(shape);
    const auto multiply = [&](std::int64_t y_rows, std::int64_t y_columns, const float* a, const float* b, float* y,
                              std::int64_t stride) {
        active_cpu_implementation().integer->rounded_product({.a = a,
                                                              .b = b,
                                                              .y = y,
                                                              .a_stride = view.extent,
                                                              .b_stride = stride,
                                                              .y_stride = stride,
                                                              .rows = static_cast<std::size_t>(y_rows),
                                                              .depth = static_cast<std::size_t>(view.extent),
                                                              .columns = static_cast<std::size_t>(y_columns)});
    };
    // Where the axis is the last one, its channels lie together: all matrices are one.
    const bool is_last = view.inner == 1;
    const std::vector<float> transposed = is_last ? transpose(matrix) : std::vector<float>();
    const std::int64_t item_products = std::max<std::int64_t>(rows * view.extent, 1);
    const std::int64_t part = std::max<std::int64_t>(kTaskProducts / item_products / 16 * 16, 16);
    const std::int64_t items = is_last ? view.outer : view.inner;
    const std::int64_t parts = (items + part - 1) / part;
    tbb::parallel_for(std::int64_t{0}, parts * (is_last ? 1 : view.outer), [&](std::int64_t task) {
        const std::int64_t first = task % parts * part;
        const std::int64_t count = std::min(part, items - first);
        if (is_last) {
            multiply(count, rows, weights.data + first * view.extent, transposed.data(), result.data() + first * rows,
                     rows);
        } else {
            const std::int64_t block = task / parts * view.inner;
            multiply(rows, count, matrix.data, weights.data + block * view.extent + first,
                     result.data() + block * rows + first, view.inner);
        }
    });
    return result;
}

Tensor product_of_views(ConstView a, ConstView b, Axis axis) {
    const Unfolded view_a(a.shape, axis);
    const Unfolded view_b(b.shape, axis);
    Tensor sum(Shape{view_a.extent, view_b.extent});
    if (view_a.inner == 1) {
        gemm(view_a.extent, view_b.extent, view_a.outer, {a.data, view_a.extent, true}, {b.data, view_b.extent}, false,
             sum.data(), view_b.extent);
        return sum;
    }
    for (std::int64_t block = 0; block < view_a.outer; ++block) {
        gemm(view_a.extent, view_b.extent, view_a.inner, {a.data + block * view_a.extent * view_a.inner, view_a.inner},
             {b.data + block * view_b.extent * view_b.inner, view_b.inner, true}, true, sum.data(), view_b.extent);
    }
    return sum;
}

}  // namespace eigenbit::internal
