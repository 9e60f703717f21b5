#include "engine/program/int8_quantizers.h"

#include "engine/graph/uses.h"

#include <algorithm>

namespace eigenbit::internal {
namespace {

/// The inputs of which more than the shape is read.
std::vector<ValueId> moved_inputs(const Node& node) {
    std::vector<ValueId> moved;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
        if (input_role(node.op, i) != InputRole::size) moved.push_back(node.inputs[i]);
    }
    return moved;
}

}  // namespace

Quantizers int8_quantizers(const Graph& graph) {
    Quantizers quantizers;
    for (const auto& [value, quantizer] : graph.activations()) {
        if (quantizer.bit_depth <= 8) quantizers.emplace(value, quantizer);
    }
    const GraphUses uses(graph);
    for (std::size_t i = graph.nodes().size(); i-- > 0;) {
        const Node& node = graph.nodes()[i];
        const auto quantizer = quantizers.find(node.outputs.front());
        if (int8_form(node.op) != Int8::moves_bytes || quantizer == quantizers.end()) continue;
        const auto shares_quantizer = [&](ValueId output) {
            const auto found = quantizers.find(output);
            return found != quantizers.end() && found->second == quantizer->second;
        };
        const auto can_have_quantizer = [&](ValueId input) {
            if (quantizers.contains(input)) return true;
            return !graph.is_parameter(input) && !graph.activations().contains(input) && uses.only_reader(input);
        };
        if (!std::ranges::all_of(node.outputs, shares_quantizer)) continue;
        const std::vector<ValueId> moved = moved_inputs(node);
        if (!std::ranges::all_of(moved, can_have_quantizer)) continue;
        for (const ValueId input : moved) quantizers.emplace(input, quantizer->second);
    }
    return quantizers;
}

}  // namespace eigenbit::internal
