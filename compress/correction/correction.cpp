#include "compress/correction/correction.h"

#include "compress/statistics/channel_moments.h"
#include "engine/executor/graph_executor.h"
#include "engine/graph/layer_view.h"
#include "engine/passes/expand_products.h"

#include <algorithm>
#include <map>
#include <set>

namespace eigenbit::internal {
namespace {

ChannelMoments channel_moments(ConstView values) {
    ChannelSums sums(values.shape.back());
    sums.add(values);
    return sums.moments();
}

/// What the correction of one node needs to know of the float network: the moments of the values it looks at.
using FloatMoments = std::map<ValueId, ChannelMoments>;

FloatMoments float_moments(const Graph& graph, ConstView images) {
    FloatMoments moments;
    GraphExecutor session(graph, images.shape);
    session.bind(graph.inputs().front().value, images);
    for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
        const Node& node = graph.nodes()[i];
        if (std::holds_alternative<BatchNormalization>(node.op)) {
            moments.try_emplace(node.inputs[0], channel_moments(session.value(node.inputs[0])));
        }
        session.forward(i, i + 1);
        if (is_layer(node.op)) moments.try_emplace(node.outputs[0], channel_moments(session.value(node.outputs[0])));
    }
    return moments;
}

/// The outputs of layers.
std::set<ValueId> layer_outputs(const Graph& graph) {
    std::set<ValueId> outputs;
    for (const Node& node : graph.nodes()) {
        if (is_layer(node.op)) outputs.insert(node.outputs[0]);
    }
    return outputs;
}

/// Makes sure that what will be corrected exists, and belongs to one node. Returns the layers to be corrected, by node.
std::vector<bool> prepare(const Graph& original, Graph& graph) {
    const std::set<ValueId> outputs = layer_outputs(original);
    const GraphUses uses(graph);
    // A value whose only reader is a batch normalization is corrected there.
    const auto normalized = [&](ValueId value) {
        const auto reader = uses.only_reader(value);
        return reader && std::holds_alternative<BatchNormalization>(graph.nodes()[*reader].op);
    };
    std::vector<bool> corrected(graph.nodes().size());
    for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
        if (normalization_at(graph, i)) {
            own_parameter(graph, i, BatchNormalization::kMean);
            own_parameter(graph, i, BatchNormalization::kVariance);
        }
        const auto layer = layer_at(graph, i);
        if (!layer || !outputs.contains(layer->output) || normalized(layer->output)) continue;
        add_own_gain_and_bias(graph, i);
        corrected[i] = true;
    }
    return corrected;
}

void correct_normalization(Graph& graph, const NormalizationView& normalization, const ChannelMoments& before,
                           const ChannelMoments& now) {
    Tensor& mean = graph.parameter(normalization.mean).values();
    Tensor& variance = graph.parameter(normalization.variance).values();
    for (std::size_t c = 0; c < before.mean.size(); ++c) {
        const auto at = static_cast<std::int64_t>(c);
        const double gain = restoring_gain(before.variance[c], now.variance[c]);
        mean[at] += static_cast<float>(now.mean[c] - before.mean[c]);
        variance[at] /= static_cast<float>(gain * gain);
    }
}

/// Gain and bias that give a layer's output its moments back. The layer is run again with them.
void correct_layer(Graph& graph, std::size_t index, const ChannelMoments& before, GraphExecutor& session) {
    const LayerView layer = layer_at(graph, index).value();
    const ChannelMoments now = channel_moments(session.value(layer.output));
    Tensor& bias = graph.parameter(*layer.bias).values();
    Tensor& gains = graph.parameter(*layer.gain).values();
    for (std::size_t c = 0; c < before.mean.size(); ++c) {
        const auto at = static_cast<std::int64_t>(c);
        const double gain = restoring_gain(before.variance[c], now.variance[c]);
        gains[at] *= static_cast<float>(gain);
        bias[at] = static_cast<float>(before.mean[c] - gain * (now.mean[c] - static_cast<double>(bias[at])));
    }
    session.bind(*layer.gain, gains);
    session.forward(index, index + 1);
}

}  // namespace

void prepare_correction(const Graph& original, Graph& compressed) { prepare(original, compressed); }

void correct(const Graph& original, Graph& compressed, ConstView images) {
    const FloatMoments before = float_moments(original, images);
    const std::vector<ExpandedLayer> expanded = expand_products(compressed);
    // Before the session is planned, which only knows the parameters it has seen.
    const std::vector<bool> corrected = prepare(original, compressed);
    GraphExecutor session(compressed, images.shape);
    session.bind(compressed.inputs().front().value, images);
    for (std::size_t i = 0; i < compressed.nodes().size(); ++i) {
        const Node& node = compressed.nodes()[i];
        if (const auto normalization = normalization_at(compressed, i);
            normalization && before.contains(normalization->input)) {
            correct_normalization(compressed, *normalization, before.at(normalization->input),
                                  channel_moments(session.value(normalization->input)));
        }
        session.forward(i, i + 1);
        if (corrected[i]) correct_layer(compressed, i, before.at(node.outputs[0]), session);
    }
    collapse_products(compressed, expanded);
}

}  // namespace eigenbit::internal
