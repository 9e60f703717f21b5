#include "engine/graph/uses.h"

#include "engine/base/format.h"

#include <algorithm>

namespace eigenbit::internal {

GraphUses::GraphUses(const Graph& graph) : uses_(graph.value_count()) {
    for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
        for (const ValueId input : graph.nodes()[i].inputs) uses_[at(input)].readers.push_back(i);
        for (const ValueId output : graph.nodes()[i].outputs) uses_[at(output)].producer = i;
    }
    for (const ValueId output : graph.outputs()) uses_[at(output)].is_output = true;
}

std::optional<std::size_t> GraphUses::only_reader(ValueId value) const {
    if (is_output(value) || readers(value).size() != 1) return std::nullopt;
    return readers(value).front();
}

std::optional<std::size_t> producer(const Graph& graph, ValueId value) {
    const auto found = std::ranges::find_if(
        graph.nodes(), [&](const Node& node) { return std::ranges::find(node.outputs, value) != node.outputs.end(); });
    if (found == graph.nodes().end()) return std::nullopt;
    return static_cast<std::size_t>(found - graph.nodes().begin());
}

ValueId own_parameter(Graph& graph, std::size_t node, std::size_t input) {
    const ValueId shared = graph.nodes()[node].inputs[input];
    const GraphUses uses(graph);
    if (uses.only_reader(shared)) return shared;
    const std::string name = formatted("{}.{}", graph.nodes()[node].name, graph.name(shared));
    const ValueId own = graph.add_parameter(name, graph.parameter(shared));
    graph.node(node).inputs[input] = own;
    return own;
}

}  // namespace eigenbit::internal
