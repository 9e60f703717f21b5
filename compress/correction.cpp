#include "compress/correction.h"

#include "compress/channel_moments.h"
#include "engine/quantization.h"
#include "engine/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

namespace eigenbit {
namespace {

ChannelMoments channel_moments(ConstView values) {
    ChannelSums sums(values.shape.back());
    sums.add(values);
    return sums.moments();
}

/// What the correction of one node needs to know of the float network: the moments of the values it looks at.
using FloatMoments = std::map<ValueId, ChannelMoments>;

bool is_layer(const Node& node) {
    return std::holds_alternative<Conv>(node.op) || std::holds_alternative<Gemm>(node.op);
}

/// A value whose only reader is a BatchNormalization is corrected there.
std::vector<bool> read_by_normalization_only(const Graph& graph) {
    std::vector<int> normalizations(graph.value_count());
    std::vector<int> readers(graph.value_count());
    for (const Node& node : graph.nodes()) {
        for (const ValueId input : node.inputs) {
            ++readers[static_cast<std::size_t>(input)];
            if (std::holds_alternative<BatchNormalization>(node.op)) ++normalizations[static_cast<std::size_t>(input)];
        }
    }
    std::vector<bool> result(graph.value_count());
    for (std::size_t i = 0; i < result.size(); ++i) result[i] = readers[i] == 1 && normalizations[i] == 1;
    return result;
}

FloatMoments float_moments(const Graph& graph, ConstView images) {
    FloatMoments moments;
    Session session(graph, std::span(&images.shape, 1));
    session.bind(graph.inputs().front().value, images);
    for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
        const Node& node = graph.nodes()[i];
        if (std::holds_alternative<BatchNormalization>(node.op)) {
            moments.try_emplace(node.inputs[0], channel_moments(session.value(node.inputs[0])));
        }
        session.forward(i, i + 1);
        if (is_layer(node)) moments.try_emplace(node.outputs[0], channel_moments(session.value(node.outputs[0])));
    }
    return moments;
}

std::optional<std::size_t> producer(const Graph& graph, ValueId value) {
    const auto& nodes = graph.nodes();
    const auto found = std::ranges::find_if(
        nodes, [&](const Node& node) { return std::ranges::find(node.outputs, value) != node.outputs.end(); });
    if (found == nodes.end()) return std::nullopt;
    return static_cast<std::size_t>(found - nodes.begin());
}

/// The quantized parameter whose channel scales are gains of this layer's output channels: its weights, or the
/// coefficients (O, k, I) from which a basis of the taps computes them.
std::optional<ValueId> scaled_parameter(const Graph& graph, const Node& layer) {
    ValueId value = layer.inputs[1];
    while (!graph.is_parameter(value)) {
        const auto index = producer(graph, value);
        if (!index) return std::nullopt;
        const Node& node = graph.nodes()[*index];
        if (std::holds_alternative<Reshape>(node.op)) {
            value = node.inputs[0];
        } else if (std::holds_alternative<MatMul>(node.op)) {
            value = node.inputs[1];
        } else {
            return std::nullopt;
        }
    }
    if (!graph.parameter(value).quantization) return std::nullopt;
    return value;
}

/// Gives a node an input parameter of its own where others read the same.
void untie(Graph& graph, std::size_t node, std::size_t input) {
    const ValueId shared = graph.nodes()[node].inputs[input];
    std::ptrdiff_t readers = 0;
    for (const Node& other : graph.nodes()) readers += std::ranges::count(other.inputs, shared);
    if (readers == 1) return;
    const std::string name = fmt::format("{}.{}", graph.nodes()[node].name, graph.name(shared));
    graph.node(node).inputs[input] = graph.add_parameter(name, graph.parameter(shared).values);
}

bool is_correctable_normalization(const Graph& graph, const Node& node) {
    return std::holds_alternative<BatchNormalization>(node.op) && graph.is_parameter(node.inputs[3])
           && graph.is_parameter(node.inputs[4]);
}

/// The values that layers put out.
std::set<ValueId> layer_outputs(const Graph& graph) {
    std::set<ValueId> outputs;
    for (const Node& node : graph.nodes()) {
        if (is_layer(node)) outputs.insert(node.outputs[0]);
    }
    return outputs;
}

/// Makes sure that what will be corrected exists, and belongs to one node. Returns the layers to be corrected, by node.
std::vector<bool> prepare(const Graph& original, Graph& graph) {
    const std::set<ValueId> outputs = layer_outputs(original);
    const std::vector<bool> normalized = read_by_normalization_only(graph);
    std::vector<bool> corrected(graph.nodes().size());
    for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
        const Node& node = graph.nodes()[i];
        if (is_correctable_normalization(graph, node)) {
            untie(graph, i, 3);
            untie(graph, i, 4);
        }
        const ValueId output = node.outputs[0];
        if (!is_layer(node) || !outputs.contains(output) || normalized[static_cast<std::size_t>(output)]) continue;
        const std::optional<ValueId> weights = scaled_parameter(graph, node);
        if (!weights) continue;
        const std::int64_t channels = graph.parameter(*weights).values.shape()[0];
        if (node.inputs.size() == 2) {
            const ValueId bias = graph.add_parameter(node.name + ".bias", Tensor(Shape{channels}));
            graph.node(i).inputs.push_back(bias);
        }
        if (!graph.is_parameter(graph.nodes()[i].inputs[2])) continue;
        untie(graph, i, 2);
        std::vector<float>& scales = graph.parameter(*weights).quantization->channel_scale;
        if (scales.empty()) scales.assign(static_cast<std::size_t>(channels), 1.0F);
        corrected[i] = true;
    }
    return corrected;
}

void correct_normalization(Graph& graph, const Node& node, const ChannelMoments& before, const ChannelMoments& now) {
    Tensor& mean = graph.parameter(node.inputs[3]).values;
    Tensor& variance = graph.parameter(node.inputs[4]).values;
    for (std::size_t c = 0; c < before.mean.size(); ++c) {
        const auto at = static_cast<std::int64_t>(c);
        const double gain = restoring_gain(before.variance[c], now.variance[c]);
        mean[at] += static_cast<float>(now.mean[c] - before.mean[c]);
        variance[at] /= static_cast<float>(gain * gain);
    }
}

/// Gain and bias that give a layer's output its moments back; quantized weights take the gain as channel scales. The
/// layer is run again with them.
void correct_layer(Graph& graph, std::size_t index, const ChannelMoments& before, Session& session) {
    const Node& node = graph.nodes()[index];
    const ChannelMoments now = channel_moments(session.value(node.outputs[0]));
    Parameter& parameter = graph.parameter(*scaled_parameter(graph, node));
    std::vector<float>& scales = parameter.quantization->channel_scale;
    Tensor& bias = graph.parameter(node.inputs[2]).values;
    const ConstView weights = session.value(node.inputs[1]);
    Tensor scaled(weights);
    const std::int64_t per_channel = scaled.elements() / bias.elements();
    for (std::size_t c = 0; c < before.mean.size(); ++c) {
        const auto at = static_cast<std::int64_t>(c);
        const double gain = restoring_gain(before.variance[c], now.variance[c]);
        scales[c] *= static_cast<float>(gain);
        bias[at] = static_cast<float>(before.mean[c] - gain * (now.mean[c] - static_cast<double>(bias[at])));
        for (std::int64_t i = at * per_channel; i < (at + 1) * per_channel; ++i) scaled[i] *= static_cast<float>(gain);
    }
    session.bind(node.inputs[1], scaled);
    session.forward(index, index + 1);
    // In place: the session reads these values again where they are the weights themselves.
    const Tensor values = dequantize(*parameter.quantization, parameter.values.shape());
    std::ranges::copy(values.values(), parameter.values.data());
    session.bind(node.inputs[1], weights);
}

}  // namespace

void prepare_correction(const Graph& original, Graph& compressed) { prepare(original, compressed); }

void correct(const Graph& original, Graph& compressed, ConstView images) {
    const FloatMoments before = float_moments(original, images);
    // Before the session is planned, which only knows the parameters it has seen.
    const std::vector<bool> corrected = prepare(original, compressed);
    Session session(compressed, std::span(&images.shape, 1));
    session.bind(compressed.inputs().front().value, images);
    for (std::size_t i = 0; i < compressed.nodes().size(); ++i) {
        const Node& node = compressed.nodes()[i];
        if (is_correctable_normalization(compressed, node) && before.contains(node.inputs[0])) {
            correct_normalization(compressed, node, before.at(node.inputs[0]),
                                  channel_moments(session.value(node.inputs[0])));
        }
        session.forward(i, i + 1);
        if (corrected[i]) correct_layer(compressed, i, before.at(node.outputs[0]), session);
    }
}

}  // namespace eigenbit
