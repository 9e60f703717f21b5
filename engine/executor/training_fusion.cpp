#include "engine/executor/training_fusion.h"

#include "engine/graph/uses.h"

#include <algorithm>
#include <set>

namespace eigenbit::internal {
namespace {

bool is_relu_or_clip(const Operator& op) {
    const auto* activation = std::get_if<Activation>(&op);
    return activation != nullptr
           && (activation->kind == Activation::Kind::relu || activation->kind == Activation::Kind::clip);
}

bool is_addition(const Operator& op) {
    const auto* arithmetic = std::get_if<Arithmetic>(&op);
    return arithmetic != nullptr && arithmetic->kind == Arithmetic::Kind::add;
}

}  // namespace

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
        if (next && is_addition(nodes[*next].op) && !additions.contains(*next)) {
            const std::vector<ValueId>& terms = nodes[*next].inputs;
            const ValueId other = terms[0] == normalized ? terms[1] : terms[0];
            const auto shape_of = [&](ValueId value) { return shapes[static_cast<std::size_t>(value)]; };
            if (shape_of(other) == shape_of(normalized)) {
                chain.addition = next;
                chain.residual = other;
                additions.insert(*next);
                next = reader_of(nodes[*next].outputs[0]);
            }
        }
        if (next && is_relu_or_clip(nodes[*next].op)) chain.activation = next;
        if (chain.addition || chain.activation) chains.emplace(chain.last(), chain);
    }
    return chains;
}

}  // namespace eigenbit::internal
