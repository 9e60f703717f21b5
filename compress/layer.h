#pragma once

#include "compress/matrix.h"
#include "engine/graph.h"

#include <vector>

namespace eigenbit {

/// The axis of a layer's weights (O, KH, KW, I) that a transform mixes; the others are the columns of its matrix view.
enum class Axis {
    row,     ///< input channels: the matrix view is I × (O · taps)
    column,  ///< output channels: O × (taps · I)
    taps     ///< the taps inside a kernel: taps × (O · I)
};

std::string_view to_string(Axis axis);

/// Its position in weights of shape (O, taps, I).
constexpr int tensor_axis(Axis axis) { return axis == Axis::column ? 0 : axis == Axis::taps ? 1 : 2; }

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

/// How long the axis is in weights of shape (O, taps, I).
inline std::int64_t extent(const Shape& shape, Axis axis) { return shape[tensor_axis(axis)]; }

/// The weights (O, taps, I) with the axis mixed by a k × extent matrix: its extent becomes k.
Tensor mix(ConstView weights, Axis axis, const Matrix& matrix);
/// The same into `result`, where it is (O, taps, I) with k along the axis.
void mix(ConstView weights, Axis axis, const Matrix& matrix, View result);

/// Σ over columns of a_j · b_jᵗ for the columns a_j, b_j of two matrix views: (extent of a) × (extent of b).
Matrix product_of_views(ConstView a, ConstView b, Axis axis);

}  // namespace eigenbit
