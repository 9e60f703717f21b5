#include "engine/executor/training_fusion.h"

#include "engine/graph/uses.h"
#include "engine/passes/fuse.h"

#include <algorithm>
#include <set>

namespace eigenbit::internal {

std::map<std::size_t, TrainingFusion> normalization_chains(const Graph& graph, std::span<const Shape> shapes,
                                                           std::span<const ValueId> kept) {
    const std::vector<Node>& nodes = graph.nodes();
    const GraphUses uses(graph);
    const auto reader_of = [&](ValueId value) -> std::optional<std::size_t> {
        if (graph.activations().contains(value) || std::ranges::find(kept, value) != kept.end()) return std::nullopt;
        return uses.only_reader(value);
    };
    std::set<std::size_t> additions;  // that belong to a chain
    std::map<std::size_t, TrainingFusion> chains;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        if (!std::holds_alternative<BatchNormalization>(nodes[i].op)) continue;
        TrainingFusion chain{.normalization = i};
        const ValueId normalized = nodes[i].outputs[0];
        std::optional<std::size_t> next = reader_of(normalized);
        const auto other = next ? addend(nodes[*next], normalized, shapes) : std::nullopt;
        if (other && additions.insert(*next).second) {
            chain.addition = next;
            chain.residual = *other;
            next = reader_of(nodes[*next].outputs[0]);
        }
        if (next && as_clamp(nodes[*next])) chain.activation = next;
        if (chain.addition || chain.activation) chains.emplace(chain.last(), chain);
    }
    return chains;
}

}  // namespace eigenbit::internal
