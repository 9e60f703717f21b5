#include "engine/graph/layer_view.h"

#include "engine/base/format.h"
#include "engine/ops/channel_gain.h"

#include <algorithm>

namespace eigenbit::internal {
namespace {

bool is_float_parameter(const Graph& graph, ValueId value) {
    return graph.is_parameter(value) && graph.parameter(value).is_float();
}

}  // namespace

ConvolutionGeometry LayerView::geometry(const Shape& x, const Shape& y) const {
    if (conv) return geometry_of(*conv, x, weight_shape, y);
    return {.n = x.elements(0, x.rank() - 1), .i = weight_shape[1], .o = weight_shape[0]};
}

bool is_layer(const Operator& op) { return find_input(op, InputRole::weight).has_value(); }

std::optional<LayerView> layer_at(const Graph& graph, std::size_t position) {
    const Node& node = graph.nodes()[position];
    const std::optional<ValueId> weight = input_of(node, InputRole::weight);
    const std::optional<ValueId> bias = input_of(node, InputRole::bias);
    const std::optional<ValueId> gain = input_of(node, InputRole::gain);
    const auto fits = [&](std::optional<ValueId> value) { return !value || is_float_parameter(graph, *value); };
    if (!weight || !graph.is_parameter(*weight) || !fits(bias) || !fits(gain)) return std::nullopt;
    LayerView layer{.node = position,
                    .input = node.inputs[0],
                    .weight = *weight,
                    .output = node.outputs[0],
                    .bias = bias,
                    .gain = gain,
                    .weight_shape = graph.parameter(*weight).shape()};
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
    const Node& node = graph.nodes()[layer];
    const Shape channels{graph.parameter(*input_of(node, InputRole::weight)).shape()[0]};
    const auto provide = [&](InputRole role, std::string_view suffix, float value) {
        if (input_of(node, role)) {
            own_parameter(graph, layer, *find_input(node.op, role));
            return;
        }
        Tensor values(channels);
        std::ranges::fill(values.values(), value);
        const ValueId parameter = graph.add_parameter(formatted("{}.{}", node.name, suffix), std::move(values));
        graph.node(layer).inputs.push_back(parameter);
    };
    provide(InputRole::bias, "bias", 0.0F);
    provide(InputRole::gain, "gain", 1.0F);
}

Tensor scaled_image(const Graph& graph, const LayerView& layer) {
    Tensor weights = image(graph.parameter(layer.weight));
    return layer.gain ? with_gain(weights, graph.parameter(*layer.gain).values()) : weights;
}

std::optional<NormalizationView> normalization_at(const Graph& graph, std::size_t position) {
    const Node& node = graph.nodes()[position];
    using Op = BatchNormalization;
    const auto* const normalization = std::get_if<Op>(&node.op);
    const auto is_constant = [&](ValueId value) { return is_float_parameter(graph, value); };
    if (!normalization || !std::all_of(node.inputs.begin() + 1, node.inputs.end(), is_constant)) return std::nullopt;
    return NormalizationView{.node = position,
                             .input = node.inputs[Op::kX],
                             .scale = node.inputs[Op::kScale],
                             .bias = node.inputs[Op::kBias],
                             .mean = node.inputs[Op::kMean],
                             .variance = node.inputs[Op::kVariance],
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

}  // namespace eigenbit::internal
