#include "engine/inference/fusion.h"

#include <algorithm>
#include <iterator>
#include <set>

namespace eigenbit {
namespace {

/// Who reads each value.
class Readers {
  public:
    explicit Readers(const Graph& graph) : nodes_(graph.value_count()) {
        for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
            for (const ValueId input : graph.nodes()[i].inputs) nodes_[static_cast<std::size_t>(input)].push_back(i);
        }
        // What the graph puts out has a reader that no node is.
        for (const ValueId output : graph.outputs()) {
            nodes_[static_cast<std::size_t>(output)].push_back(graph.nodes().size());
        }
    }

    /// The only node that reads the value, if there is one and it reads it once.
    std::optional<std::size_t> only(const Graph& graph, ValueId value) const {
        const std::vector<std::size_t>& readers = nodes_[static_cast<std::size_t>(value)];
        if (readers.size() != 1 || readers.front() == graph.nodes().size()) return std::nullopt;
        return readers.front();
    }

  private:
    std::vector<std::vector<std::size_t>> nodes_;
};

/// What is added to `value` by this node, if it adds something of the same shape.
std::optional<ValueId> addend(const Node& node, ValueId value, std::span<const Shape> shapes) {
    const auto* const arithmetic = std::get_if<Arithmetic>(&node.op);
    if (!arithmetic || arithmetic->kind != Arithmetic::Kind::add) return std::nullopt;
    const ValueId other = node.inputs[node.inputs[0] == value ? 1 : 0];
    const auto shape = [&](ValueId id) { return shapes[static_cast<std::size_t>(id)]; };
    return shape(other) == shape(value) ? std::optional(other) : std::nullopt;
}

/// By value, the position of the node that puts it out.
std::vector<std::optional<std::size_t>> producers(const Graph& graph) {
    std::vector<std::optional<std::size_t>> nodes(graph.value_count());
    for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
        for (const ValueId output : graph.nodes()[i].outputs) nodes[static_cast<std::size_t>(output)] = i;
    }
    return nodes;
}

}  // namespace

bool clamps(const Node& node, float& low, float& high) {
    const auto* const activation = std::get_if<Activation>(&node.op);
    if (!activation) return false;
    if (activation->kind == Activation::Kind::relu) {
        low = 0.0F;
        return true;
    }
    if (activation->kind != Activation::Kind::clip) return false;
    low = activation->low;
    high = activation->high;
    return true;
}

bool is_layer(const Graph& graph, const Node& node) {
    if (!std::holds_alternative<Conv>(node.op) && !std::holds_alternative<Gemm>(node.op)) return false;
    return std::all_of(node.inputs.begin() + 1, node.inputs.end(),
                       [&](ValueId input) { return graph.is_parameter(input); });
}

std::vector<ValueId> worth_rounding(const Graph& graph) {
    const auto producer = producers(graph);
    // The layer whose output this is, normalized perhaps.
    const auto layer_of = [&](ValueId value) -> std::optional<std::size_t> {
        std::optional<std::size_t> node = producer[static_cast<std::size_t>(value)];
        while (node && std::holds_alternative<BatchNormalization>(graph.nodes()[*node].op)) {
            node = producer[static_cast<std::size_t>(graph.nodes()[*node].inputs[0])];
        }
        return node && is_layer(graph, graph.nodes()[*node]) ? node : std::nullopt;
    };
    std::set<ValueId> wanted;
    for (const Node& node : graph.nodes()) {
        if (is_layer(graph, node) && !graph.is_parameter(node.inputs[0])) wanted.insert(node.inputs[0]);
        const auto* const arithmetic = std::get_if<Arithmetic>(&node.op);
        if (!arithmetic || arithmetic->kind != Arithmetic::Kind::add) continue;
        const auto first = layer_of(node.inputs[0]);
        const auto second = layer_of(node.inputs[1]);
        if (first && second && first != second) wanted.insert(node.inputs[*first < *second ? 1 : 0]);
    }
    std::vector<ValueId> values;
    for (const Graph::Input& input : graph.inputs()) {
        if (wanted.contains(input.value)) values.push_back(input.value);
    }
    for (const Node& node : graph.nodes()) {
        std::ranges::copy_if(node.outputs, std::back_inserter(values), [&](ValueId v) { return wanted.contains(v); });
    }
    return values;
}

std::vector<FusedNode> fuse(const Graph& graph, std::span<const Shape> shapes) {
    const std::vector<Node>& nodes = graph.nodes();
    const Readers readers(graph);
    std::vector<bool> taken(nodes.size());
    std::vector<FusedNode> result;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        if (taken[i]) continue;
        FusedNode fused{.node = i, .last = i, .outputs = nodes[i].outputs};
        for (bool complete = !is_layer(graph, nodes[i]); !complete;) {
            const ValueId value = fused.outputs.front();
            const std::optional<std::size_t> next = readers.only(graph, value);
            complete = true;
            if (!next || graph.activations().contains(value)) break;
            if (const auto other = addend(nodes[*next], value, shapes); other && !fused.residual) {
                // A parameter has no buffer; and the first of two layers that are added takes the addition.
                if (graph.is_parameter(*other) || taken[*next]) break;
                fused.residual = other;
                complete = false;
            } else if (!clamps(nodes[*next], fused.low, fused.high)) {
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

}  // namespace eigenbit
