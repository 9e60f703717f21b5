#include "engine/weights/mix.h"

#include "engine/blas.h"
#include "engine/error.h"

namespace eigenbit {
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
    if (matrix.shape[1] != view.extent) {
        fail("A transform of {} columns does not fit an axis of {}.", matrix.shape[1], view.extent);
    }
    const std::int64_t rows = matrix.shape[0];
    if (view.inner == 1) {
        multiply(view.outer, rows, view.extent, {weights.data, view.extent}, {matrix.data, view.extent, true}, 0.0F,
                 result.data, rows);
        return;
    }
    for (std::int64_t block = 0; block < view.outer; ++block) {
        multiply(rows, view.inner, view.extent, {matrix.data, view.extent},
                 {weights.data + block * view.extent * view.inner, view.inner}, 0.0F,
                 result.data + block * rows * view.inner, view.inner);
    }
}

Tensor product_of_views(ConstView a, ConstView b, Axis axis) {
    const Unfolded view_a(a.shape, axis);
    const Unfolded view_b(b.shape, axis);
    Tensor sum(Shape{view_a.extent, view_b.extent});
    if (view_a.inner == 1) {
        multiply(view_a.extent, view_b.extent, view_a.outer, {a.data, view_a.extent, true}, {b.data, view_b.extent},
                 0.0F, sum.data(), view_b.extent);
        return sum;
    }
    for (std::int64_t block = 0; block < view_a.outer; ++block) {
        multiply(view_a.extent, view_b.extent, view_a.inner,
                 {a.data + block * view_a.extent * view_a.inner, view_a.inner},
                 {b.data + block * view_b.extent * view_b.inner, view_b.inner, true}, 1.0F, sum.data(), view_b.extent);
    }
    return sum;
}

}  // namespace eigenbit
