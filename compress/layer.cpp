#include "compress/layer.h"

#include "engine/blas.h"
#include "engine/error.h"

#include <array>

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

std::vector<float> to_float(const Matrix& matrix) {
    std::vector<float> values(matrix.values().size());
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(matrix.values()[i]);
    return values;
}

}  // namespace

std::string_view to_string(Axis axis) {
    constexpr std::array<std::string_view, 3> kNames{"row", "column", "taps"};
    return kNames[static_cast<std::size_t>(axis)];
}

std::vector<Layer> find_layers(const Graph& graph) {
    std::vector<Layer> layers;
    for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
        const Node& node = graph.nodes()[i];
        const auto* conv = std::get_if<Conv>(&node.op);
        if (conv == nullptr && !std::holds_alternative<Gemm>(node.op)) continue;
        if (!graph.is_parameter(node.inputs[1])) continue;
        const Shape& shape = graph.parameter(node.inputs[1]).values.shape();
        layers.push_back(
            {.node = i,
             .weight = node.inputs[1],
             .shape = conv != nullptr ? Shape{shape[0], shape[1] * shape[2], shape[3]} : Shape{shape[0], 1, shape[1]},
             .grouped = conv != nullptr && conv->groups > 1});
    }
    return layers;
}

Tensor layer_weights(const Graph& graph, const Layer& layer) {
    Tensor weights = graph.parameter(layer.weight).values;
    weights.reshape(layer.shape);
    return weights;
}

Tensor mix(ConstView weights, Axis axis, const Matrix& matrix) {
    Shape shape = weights.shape;
    shape[tensor_axis(axis)] = matrix.rows();
    Tensor result(shape);
    mix(weights, axis, matrix, result);
    return result;
}

void mix(ConstView weights, Axis axis, const Matrix& matrix, View result) {
    const Unfolded view(weights.shape, axis);
    if (matrix.columns() != view.extent) {
        fail("A transform of {} columns does not fit an axis of {}.", matrix.columns(), view.extent);
    }
    const std::vector<float> m = to_float(matrix);
    const std::int64_t rows = matrix.rows();
    if (view.inner == 1) {
        multiply(view.outer, rows, view.extent, {weights.data, view.extent}, {m.data(), view.extent, true}, 0.0F,
                 result.data, rows);
        return;
    }
    for (std::int64_t block = 0; block < view.outer; ++block) {
        multiply(rows, view.inner, view.extent, {m.data(), view.extent},
                 {weights.data + block * view.extent * view.inner, view.inner}, 0.0F,
                 result.data + block * rows * view.inner, view.inner);
    }
}

Matrix product_of_views(ConstView a, ConstView b, Axis axis) {
    const Unfolded view_a(a.shape, axis);
    const Unfolded view_b(b.shape, axis);
    Tensor sum(Shape{view_a.extent, view_b.extent});
    if (view_a.inner == 1) {
        multiply(view_a.extent, view_b.extent, view_a.outer, {a.data, view_a.extent, true}, {b.data, view_b.extent},
                 0.0F, sum.data(), view_b.extent);
    } else {
        for (std::int64_t block = 0; block < view_a.outer; ++block) {
            multiply(view_a.extent, view_b.extent, view_a.inner,
                     {a.data + block * view_a.extent * view_a.inner, view_a.inner},
                     {b.data + block * view_b.extent * view_b.inner, view_b.inner, true}, 1.0F, sum.data(),
                     view_b.extent);
        }
    }
    Matrix result(view_a.extent, view_b.extent);
    for (std::int64_t i = 0; i < sum.elements(); ++i) result.values()[static_cast<std::size_t>(i)] = sum[i];
    return result;
}

}  // namespace eigenbit
