#include "engine/passes/fold_batch_normalization.h"

#include "engine/graph/layer_view.h"

#include <cmath>
#include <utility>

namespace eigenbit::internal {
namespace {

/// Layers with the batch normalizations that can be merged into them, in the order in which they run.
std::vector<std::pair<LayerView, NormalizationView>> find_pairs(const Graph& graph) {
    const GraphUses uses(graph);
    std::vector<std::pair<LayerView, NormalizationView>> pairs;
    for (const LayerView& layer : layers_of(graph)) {
        const auto normalization = normalization_after(graph, uses, layer);
        if (normalization && !graph.activations().contains(layer.output)) pairs.emplace_back(layer, *normalization);
    }
    return pairs;
}

void merge(Graph& graph, std::size_t layer, const NormalizationView& normalization) {
    add_own_gain_and_bias(graph, layer);
    const LayerView folded = layer_at(graph, layer).value();
    Tensor& bias = graph.parameter(*folded.bias).values();
    Tensor& gain = graph.parameter(*folded.gain).values();
    const auto statistic = [&](ValueId value, std::int64_t channel) {
        return graph.parameter(value).values()[channel];
    };
    for (std::int64_t channel = 0; channel < gain.elements(); ++channel) {
        const double deviation = std::sqrt(statistic(normalization.variance, channel) + double{normalization.epsilon});
        const double factor = statistic(normalization.scale, channel) / deviation;
        gain[channel] = static_cast<float>(gain[channel] * factor);
        const double shifted = (bias[channel] - statistic(normalization.mean, channel)) * factor;
        bias[channel] = static_cast<float>(shifted + statistic(normalization.bias, channel));
    }
    graph.absorb(layer, normalization.node);
}

}  // namespace

int fold_batch_normalization(Graph& graph) {
    int merged = 0;
    for (auto pairs = find_pairs(graph); !pairs.empty(); pairs = find_pairs(graph)) {
        // From the back: merging moves the nodes behind.
        for (auto pair = pairs.rbegin(); pair != pairs.rend(); ++pair) merge(graph, pair->first.node, pair->second);
        merged += static_cast<int>(pairs.size());
    }
    return merged;
}

}  // namespace eigenbit::internal
