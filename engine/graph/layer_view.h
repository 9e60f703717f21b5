#pragma once

#include "engine/graph/graph.h"
#include "engine/graph/uses.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace eigenbit::internal {

/// A layer of a graph: a convolution or fully-connected node whose weight is a parameter of any form, and whose bias
/// and gains are float parameters. It computes gain · (weight · x) + bias.
struct LayerView {
    std::size_t node = 0;  ///< position in the graph
    ValueId input = 0;
    ValueId weight = 0;
    ValueId output = 0;
    std::optional<ValueId> bias{};  ///< (O)
    std::optional<ValueId> gain{};  ///< (O)
    Shape weight_shape;             ///< (O, KH, KW, I / groups), or (O, I) where fully connected
    std::optional<Conv> conv{};     ///< none where fully connected

    std::int64_t output_channels() const { return weight_shape[0]; }
    std::int64_t groups() const { return conv ? conv->groups : 1; }
    /// Of a convolution's kernel; 1 where fully connected.
    std::int64_t taps() const { return conv ? weight_shape[1] * weight_shape[2] : 1; }
    /// What kernels need to know of it for an input and an output of these shapes: a fully-connected layer is a 1×1
    /// convolution of (…, I) rows.
    ConvolutionGeometry geometry(const Shape& x, const Shape& y) const;
};

/// Whether nodes of this operator are layers where their weights are parameters.
bool is_layer(const Operator& op);

/// The layer that the node at this position is, if it is one.
std::optional<LayerView> layer_at(const Graph& graph, std::size_t node);

/// All layers, in the order in which they run.
std::vector<LayerView> layers_of(const Graph& graph);

/// Gives a layer without bias one of zeros, and one without gains ones, as parameters that no other node reads.
void add_own_gain_and_bias(Graph& graph, std::size_t layer);

/// A layer's weight as float values, its gains included.
Tensor scaled_image(const Graph& graph, const LayerView& layer);

/// A batch normalization whose scale, bias, mean and variance are float parameters.
struct NormalizationView {
    std::size_t node = 0;
    ValueId input = 0;
    ValueId scale = 0;
    ValueId bias = 0;
    ValueId mean = 0;
    ValueId variance = 0;
    ValueId output = 0;
    float epsilon = 0.0F;
};

std::optional<NormalizationView> normalization_at(const Graph& graph, std::size_t node);

/// The batch normalization that alone reads what the layer computes, if there is one.
std::optional<NormalizationView> normalization_after(const Graph& graph, const GraphUses& uses, const LayerView& layer);

/// The layer that computes the value, itself or followed by batch normalizations, if it is a layer that does.
std::optional<LayerView> layer_behind(const Graph& graph, const GraphUses& uses, ValueId value);

}  // namespace eigenbit::internal
