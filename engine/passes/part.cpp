#include "engine/passes/part.h"

#include "engine/base/error.h"

#include <algorithm>
#include <map>

namespace eigenbit::internal {
namespace {

/// By ValueId: whether the value, or what computes it, is needed for `wanted`.
std::vector<bool> needed_for(const Graph& graph, ValueId wanted) {
    std::vector<bool> needed(graph.value_count());
    needed[static_cast<std::size_t>(wanted)] = true;
    for (std::size_t i = graph.nodes().size(); i-- > 0;) {
        const Node& node = graph.nodes()[i];
        const auto is_needed = [&](ValueId value) { return needed[static_cast<std::size_t>(value)]; };
        if (std::ranges::none_of(node.outputs, is_needed)) continue;
        for (const ValueId output : node.outputs) needed[static_cast<std::size_t>(output)] = true;
        for (const ValueId input : node.inputs) needed[static_cast<std::size_t>(input)] = true;
    }
    return needed;
}

}  // namespace

ValueId find_value(const Graph& graph, std::string_view name) {
    const auto is_computed = [&](ValueId value) { return graph.name(value) == name && !graph.is_parameter(value); };
    for (std::size_t value = 0; value < graph.value_count(); ++value) {
        if (is_computed(static_cast<ValueId>(value))) return static_cast<ValueId>(value);
    }
    const auto node = std::ranges::find(graph.nodes(), name, &Node::name);
    if (node == graph.nodes().end()) fail("The network has no layer '{}'.", name);
    if (node->outputs.size() != 1) fail("Layer '{}' has {} outputs, expected one.", name, node->outputs.size());
    return node->outputs.front();
}

GraphPart part_up_to(const Graph& graph, ValueId value) {
    const std::vector<bool> needed = needed_for(graph, value);
    const auto is_needed = [&](ValueId id) { return needed[static_cast<std::size_t>(id)]; };
    Graph part;
    std::map<ValueId, ValueId> place;
    for (const Graph::Input& input : graph.inputs()) {
        place[input.value] = part.add_input(graph.name(input.value), input.shape);
    }
    for (const auto& [id, weight] : graph.parameters()) {
        if (is_needed(id)) place[id] = part.add_parameter(graph.name(id), weight);
    }
    for (const Node& node : graph.nodes()) {
        if (std::ranges::none_of(node.outputs, is_needed)) continue;
        std::vector<ValueId> inputs;
        for (const ValueId input : node.inputs) inputs.push_back(place.at(input));
        const std::vector<ValueId> outputs =
            part.add_node(node.name, node.op, std::move(inputs), static_cast<int>(node.outputs.size()));
        for (std::size_t i = 0; i < outputs.size(); ++i) place[node.outputs[i]] = outputs[i];
    }
    for (const auto& [id, quantizer] : graph.activations()) {
        if (is_needed(id)) part.quantize_activation(place.at(id), quantizer);
    }
    return {std::move(part), place.at(value)};
}

}  // namespace eigenbit::internal
