#include "engine/fold_batch_normalization.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

namespace eigenbit {
namespace {

struct Pair {
    std::size_t layer;
    std::size_t normalization;
};

std::ptrdiff_t reader_count(const Graph& graph, ValueId value) {
    std::ptrdiff_t readers = std::ranges::count(graph.outputs(), value);
    for (const Node& node : graph.nodes()) readers += std::ranges::count(node.inputs, value);
    return readers;
}

std::optional<std::size_t> producer(const Graph& graph, ValueId value) {
    const auto found = std::ranges::find_if(
        graph.nodes(), [&](const Node& node) { return std::ranges::find(node.outputs, value) != node.outputs.end(); });
    if (found == graph.nodes().end()) return std::nullopt;
    return static_cast<std::size_t>(found - graph.nodes().begin());
}

/// Whether all inputs but the first are parameters of this many channels, float ones if they must be.
bool has_parameters(const Graph& graph, const Node& node, std::int64_t channels, bool quantized_too) {
    return std::ranges::all_of(node.inputs.begin() + 1, node.inputs.end(), [&](ValueId value) {
        return graph.is_parameter(value) && (quantized_too || !graph.parameter(value).quantization)
               && graph.parameter(value).values.shape()[0] == channels;
    });
}

std::optional<Pair> find_pair(const Graph& graph, FoldInto layers) {
    for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
        const Node& node = graph.nodes()[i];
        if (!std::holds_alternative<BatchNormalization>(node.op)) continue;
        const std::optional<std::size_t> layer = producer(graph, node.inputs.front());
        if (!layer || reader_count(graph, node.inputs.front()) != 1) continue;
        if (graph.activations().contains(node.inputs.front())) continue;
        const Node& before = graph.nodes()[*layer];
        if (!std::holds_alternative<Conv>(before.op) && !std::holds_alternative<Gemm>(before.op)) continue;
        if (!graph.is_parameter(before.inputs[1])) continue;
        const std::int64_t channels = graph.parameter(before.inputs[1]).values.shape()[0];
        const bool fits = has_parameters(graph, before, channels, layers == FoldInto::all_layers)
                          && has_parameters(graph, node, channels, false);
        if (!fits) continue;
        return Pair{*layer, i};
    }
    return std::nullopt;
}

/// The node's input at this position as a parameter that no other node reads.
Parameter& own_parameter(Graph& graph, std::size_t node, std::size_t input) {
    const ValueId shared = graph.nodes()[node].inputs[input];
    if (reader_count(graph, shared) == 1) return graph.parameter(shared);
    const std::string name = fmt::format("{}:{}", graph.name(shared), graph.nodes()[node].name);
    const ValueId own = graph.add_parameter(name, Tensor());
    graph.parameter(own) = graph.parameter(shared);
    graph.node(node).inputs[input] = own;
    return graph.parameter(own);
}

void merge(Graph& graph, const Pair& pair) {
    const Node normalization = graph.nodes()[pair.normalization];
    const auto statistic = [&](std::size_t input) -> const Tensor& {
        return graph.parameter(normalization.inputs[input]).values;
    };
    const std::int64_t channels = statistic(1).elements();
    if (graph.nodes()[pair.layer].inputs.size() == 2) {
        const ValueId bias = graph.add_parameter(graph.nodes()[pair.layer].name + ".bias", Tensor(Shape{channels}));
        graph.node(pair.layer).inputs.push_back(bias);
    }
    Parameter& parameter = own_parameter(graph, pair.layer, 1);
    Tensor& weight = parameter.values;
    std::vector<float>* const gains = parameter.quantization ? &parameter.quantization->channel_scale : nullptr;
    if (gains && gains->empty()) gains->assign(static_cast<std::size_t>(channels), 1.0F);
    Tensor& bias = own_parameter(graph, pair.layer, 2).values;
    const std::int64_t weights_per_channel = weight.elements() / std::max<std::int64_t>(channels, 1);
    const double epsilon = std::get<BatchNormalization>(normalization.op).epsilon;
    for (std::int64_t channel = 0; channel < channels; ++channel) {
        const double factor = statistic(1)[channel] / std::sqrt(statistic(4)[channel] + epsilon);
        if (gains) (*gains)[static_cast<std::size_t>(channel)] *= static_cast<float>(factor);
        for (float& value : weight.values().subspan(channel * weights_per_channel, weights_per_channel)) {
            value = static_cast<float>(value * factor);
        }
        bias[channel] = static_cast<float>((bias[channel] - statistic(3)[channel]) * factor + statistic(2)[channel]);
    }
    graph.redirect(normalization.outputs.front(), graph.nodes()[pair.layer].outputs.front());
    graph.remove_unused_nodes();
}

}  // namespace

int fold_batch_normalization(Graph& graph, FoldInto layers) {
    int merged = 0;
    for (std::optional<Pair> pair = find_pair(graph, layers); pair; pair = find_pair(graph, layers)) {
        merge(graph, *pair);
        ++merged;
    }
    return merged;
}

}  // namespace eigenbit
