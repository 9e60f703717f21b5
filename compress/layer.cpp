#include "compress/layer.h"

#include "engine/graph/layer_view.h"

#include <algorithm>

namespace eigenbit::internal {
namespace {

Tensor to_float(const Matrix& matrix) {
    Tensor values(Shape{matrix.rows(), matrix.columns()});
    std::ranges::transform(matrix.values(), values.data(), [](double v) { return static_cast<float>(v); });
    return values;
}

}  // namespace

std::vector<Layer> find_layers(const Graph& graph) {
    std::vector<Layer> layers;
    for (const LayerView& view : layers_of(graph)) {
        layers.push_back({.node = view.node,
                          .weight = view.weight,
                          .shape = with_one_tap_axis(view.weight_shape),
                          .grouped = view.groups() > 1});
    }
    return layers;
}

Tensor layer_weights(const Graph& graph, const Layer& layer) {
    Tensor weights = image(graph.parameter(layer.weight));
    weights.reshape(layer.shape);
    return weights;
}

Tensor mix(ConstView weights, Axis axis, const Matrix& matrix) { return mix(weights, axis, to_float(matrix)); }

void mix(ConstView weights, Axis axis, const Matrix& matrix, View result) {
    mix(weights, axis, to_float(matrix), result);
}

Matrix moments_of_views(ConstView a, ConstView b, Axis axis) {
    const Tensor sum = product_of_views(a, b, axis);
    Matrix result(sum.shape()[0], sum.shape()[1]);
    std::ranges::copy(sum.values(), result.values().begin());
    return result;
}

}  // namespace eigenbit::internal
