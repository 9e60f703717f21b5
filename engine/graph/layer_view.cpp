#include "engine/graph/layer_view.h"

#include "engine/ops/channel_gain.h"

#include <fmt/format.h>

#include <algorithm>

namespace eigenbit {
namespace {

bool are_float_parameters(const Graph& graph, std::span<const ValueId> values) {
    return std::ranges::all_of(
        values, [&](ValueId value) { return graph.is_parameter(value) && graph.parameter(value).is_float(); });
}

}  // namespace

ConvolutionGeometry LayerView::geometry(const Shape& x, const Shape& y) const {
    if (conv) return geometry_of(*conv, x, weight_shape, y);
    return {.n = x.elements(0, x.rank() - 1), .i = weight_shape[1], .o = weight_shape[0]};
}

bool is_layer(const Operator& op) { return std::holds_alternative<Conv>(op) || std::holds_alternative<Gemm>(op); }

std::optional<LayerView> layer_at(const Graph& graph, std::size_t position) {
    const Node& node = graph.nodes()[position];
    if (!is_layer(node.op) || !graph.is_parameter(node.inputs[1])
        || !are_float_parameters(graph, std::span(node.inputs).subspan(2))) {
        return std::nullopt;
    }
    LayerView layer{.node = position,
                    .input = node.inputs[0],
                    .weight = node.inputs[1],
                    .output = node.outputs[0],
                    .weight_shape = graph.parameter(node.inputs[1]).shape()};
    if (node.inputs.size() > 2) layer.bias = node.inputs[2];
    if (node.inputs.size() > 3) layer.gain = node.inputs[3];
    if (const auto* const conv = std::get_if<Conv>(&node.op)) layer.conv = *conv;
    return layer;
}

std::vector<LayerView> layers_of(const Graph& graph) {
    std::vector<LayerView> layers;
    for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
        if (const auto layer = layer_at(graph, i)) layers.push_back(*layer);
    }
    return layers;
}

void add_own_gain_and_bias(Graph& graph, std::size_t layer) {
    const std::string name = graph.nodes()[layer].name;
    const Shape channels{graph.parameter(graph.nodes()[layer].inputs[1]).shape()[0]};
    const auto provide = [&](std::size_t input, std::string_view suffix, float value) {
        if (graph.nodes()[layer].inputs.size() > input) {
            own_parameter(graph, layer, input);
            return;
        }
        Tensor values(channels);
        std::ranges::fill(values.values(), value);
        const ValueId parameter = graph.add_parameter(fmt::format("{}.{}", name, suffix), std::move(values));
        graph.node(layer).inputs.push_back(parameter);
    };
    provide(2, "bias", 0.0F);
    provide(3, "gain", 1.0F);
}

Tensor scaled_image(const Graph& graph, const LayerView& layer) {
    Tensor weights = image(graph.parameter(layer.weight));
    return layer.gain ? with_gain(weights, graph.parameter(*layer.gain).values()) : weights;
}

std::optional<NormalizationView> normalization_at(const Graph& graph, std::size_t position) {
    const Node& node = graph.nodes()[position];
    const auto* const normalization = std::get_if<BatchNormalization>(&node.op);
    if (!normalization || !are_float_parameters(graph, std::span(node.inputs).subspan(1))) return std::nullopt;
    return NormalizationView{.node = position,
                             .input = node.inputs[0],
                             .scale = node.inputs[1],
                             .bias = node.inputs[2],
                             .mean = node.inputs[3],
                             .variance = node.inputs[4],
                             .output = node.outputs[0],
                             .epsilon = normalization->epsilon};
}

std::optional<NormalizationView> normalization_after(const Graph& graph, const GraphUses& uses,
                                                     const LayerView& layer) {
    const std::optional<std::size_t> reader = uses.only_reader(layer.output);
    return reader ? normalization_at(graph, *reader) : std::nullopt;
}

std::optional<LayerView> layer_behind(const Graph& graph, const GraphUses& uses, ValueId value) {
    std::optional<std::size_t> node = uses.producer(value);
    while (node && std::holds_alternative<BatchNormalization>(graph.nodes()[*node].op)) {
        node = uses.producer(graph.nodes()[*node].inputs[0]);
    }
    return node ? layer_at(graph, *node) : std::nullopt;
}

}  // namespace eigenbit
