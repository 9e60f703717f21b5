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

void add_part(Graph& graph, const Graph& from, std::map<ValueId, ValueId>& known,
              const std::function<bool(ValueId)>& wanted) {
    for (const auto& [value, weight] : from.parameters()) {
        if (wanted(value)) known[value] = graph.add_parameter(from.name(value), weight);
    }
    const auto is_missing = [&](ValueId value) { return wanted(value) && !known.contains(value); };
    for (const Node& node : from.nodes()) {
        if (std::ranges::none_of(node.outputs, is_missing)) continue;
        std::vector<ValueId> inputs;
        for (const ValueId input : node.inputs) inputs.push_back(known.at(input));
        const std::vector<ValueId> outputs =
            graph.add_node(node.name, node.op, std::move(inputs), static_cast<int>(node.outputs.size()));
        for (std::size_t i = 0; i < outputs.size(); ++i) known[node.outputs[i]] = outputs[i];
    }
    for (const auto& [value, quantizer] : from.activations()) {
        if (wanted(value)) graph.quantize_activation(known.at(value), quantizer);
    }
}

GraphPart part_up_to(const Graph& graph, ValueId value) {
    const std::vector<bool> needed = needed_for(graph, value);
    Graph part;
    std::map<ValueId, ValueId> place;
    for (const Graph::Input& input : graph.inputs()) {
        place[input.value] = part.add_input(graph.name(input.value), input.shape);
    }
    add_part(part, graph, place, [&](ValueId id) { return needed[static_cast<std::size_t>(id)]; });
    return {std::move(part), place.at(value)};
}

}  // namespace eigenbit::internal
