#pragma once

#include "compress/transform/matrix.h"
#include "engine/graph/graph.h"
#include "engine/weights/mix.h"

#include <vector>

namespace eigenbit::internal {

/// A convolution or fully-connected layer (a 1×1 convolution) whose weights are to be compressed.
struct Layer {
    std::size_t node = 0;  ///< position in the graph
    ValueId weight = 0;
    Shape shape;           ///< (O, taps, I / groups)
    bool grouped = false;  ///< grouped and depthwise convolutions are quantized without a transform
};

/// All layers of a network in order, the first and the last included.
std::vector<Layer> find_layers(const Graph& graph);

/// A copy of its weights as (O, taps, I / groups).
Tensor layer_weights(const Graph& graph, const Layer& layer);

/// The weights (O, taps, I) with the axis mixed by a k × extent matrix: its extent becomes k.
Tensor mix(ConstView weights, Axis axis, const Matrix& matrix);
/// The same into `result`, where it is (O, taps, I) with k along the axis.
void mix(ConstView weights, Axis axis, const Matrix& matrix, View result);

/// product_of_views as a matrix in double precision.
Matrix moments_of_views(ConstView a, ConstView b, Axis axis);

}  // namespace eigenbit::internal
