#include "engine/passes/fuse.h"

#include <algorithm>

namespace eigenbit::internal {

std::optional<ValueId> addend(const Node& node, ValueId value, std::span<const Shape> shapes) {
    const auto* const arithmetic = std::get_if<Arithmetic>(&node.op);
    if (!arithmetic || arithmetic->kind != Arithmetic::Kind::add) return std::nullopt;
    const ValueId other = node.inputs[node.inputs[0] == value ? 1 : 0];
    const auto shape = [&](ValueId id) { return shapes[static_cast<std::size_t>(id)]; };
    return shape(other) == shape(value) ? std::optional(other) : std::nullopt;
}

std::optional<Clamp> as_clamp(const Node& node) {
    const auto* const activation = std::get_if<Activation>(&node.op);
    if (!activation) return std::nullopt;
    if (activation->kind == Activation::Kind::relu) return Clamp{.low = 0.0F};
    if (activation->kind == Activation::Kind::clip) return Clamp{activation->alpha, activation->beta};
    return std::nullopt;
}

std::vector<FusedNode> fuse(const Graph& graph, std::span<const Shape> shapes, const TakesFunction& takes_function) {
    const std::vector<Node>& nodes = graph.nodes();
    const GraphUses uses(graph);
    std::vector<bool> taken(nodes.size());
    std::vector<FusedNode> result;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        if (taken[i]) continue;
        FusedNode fused{.node = i, .last = i, .outputs = nodes[i].outputs, .layer = layer_at(graph, i)};
        for (bool complete = !fused.layer; !complete;) {
            const ValueId value = fused.outputs.front();
            const std::optional<std::size_t> next = uses.only_reader(value);
            complete = true;
            if (!next || graph.activations().contains(value)) break;
            if (const auto other = addend(nodes[*next], value, shapes); other && !fused.residual) {
                // A parameter has no buffer; and the first of two layers that are added takes the addition.
                if (graph.is_parameter(*other) || taken[*next]) break;
                fused.residual = other;
                complete = false;
            } else if (const auto clamp = as_clamp(nodes[*next])) {
                fused.low = clamp->low;
                fused.high = clamp->high;
            } else if (takes_function(*fused.layer, nodes[*next])) {
                fused.function = &nodes[*next];
            } else {
                break;
            }
            taken[*next] = true;
            fused.last = *next;
            fused.outputs = nodes[*next].outputs;
        }
        result.push_back(std::move(fused));
    }
    std::ranges::stable_sort(result, {}, &FusedNode::last);
    return result;
}

}  // namespace eigenbit::internal
