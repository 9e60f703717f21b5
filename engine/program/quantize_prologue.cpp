#include "engine/program/quantize_prologue.h"

#include <algorithm>

namespace eigenbit::internal {

bool QuantizePrologue::can_defer(const Node& node) const {
    const auto is_parameter = [&](ValueId input) { return graph_.is_parameter(input); };
    const auto is_float = [&](ValueId input) { return is_parameter(input) && graph_.parameter(input).is_float(); };
    if (const auto* const concat = std::get_if<Concat>(&node.op)) {
        const int rank = shapes_[static_cast<std::size_t>(node.outputs.front())].rank();
        return (concat->axis + rank) % rank == rank - 1 && std::ranges::none_of(node.inputs, is_parameter);
    }
    return int8_form(node.op) == Int8::affine && !is_parameter(node.inputs[0])
           && std::all_of(node.inputs.begin() + 1, node.inputs.end(), is_float);
}

const Node* QuantizePrologue::take(ValueId value) {
    const auto found = nodes_.find(value);
    if (found == nodes_.end()) return nullptr;
    const Node* const node = found->second;
    nodes_.erase(found);
    return node;
}

std::vector<ValueId> QuantizePrologue::concatenated(const Node& concat) const {
    std::vector<ValueId> values;
    for (const ValueId input : concat.inputs) {
        const auto found = nodes_.find(input);
        if (found != nodes_.end() && std::holds_alternative<Concat>(found->second->op)) {
            const std::vector<ValueId> inner = concatenated(*found->second);
            values.insert(values.end(), inner.begin(), inner.end());
        } else {
            values.push_back(input);
        }
    }
    return values;
}

PrologueValue QuantizePrologue::output_of(const Node& node) const {
    PrologueValue result;
    if (std::holds_alternative<Concat>(node.op)) {
        for (const ValueId input : node.inputs) {
            const PrologueValue part = of(input);
            result.parts.insert(result.parts.end(), part.parts.begin(), part.parts.end());
            result.scale.insert(result.scale.end(), part.scale.begin(), part.scale.end());
            result.shift.insert(result.shift.end(), part.shift.begin(), part.shift.end());
        }
        return result;
    }
    result = of(node.inputs[0]);
    std::vector<ConstView> inputs(1);
    for (const ValueId input : std::span(node.inputs).subspan(1)) inputs.push_back(graph_.parameter(input).values());
    const ChannelAffine affine = channel_affine(node.op, inputs);
    for (std::size_t c = 0; c < result.scale.size(); ++c) {
        const double shift = affine.scale[c] * static_cast<double>(result.shift[c]) + affine.shift[c];
        result.scale[c] = static_cast<float>(affine.scale[c] * static_cast<double>(result.scale[c]));
        result.shift[c] = static_cast<float>(shift);
    }
    return result;
}

PrologueValue QuantizePrologue::of(ValueId value) const {
    if (const auto found = nodes_.find(value); found != nodes_.end()) return output_of(*found->second);
    const auto channels = static_cast<std::size_t>(shapes_[static_cast<std::size_t>(value)].back());
    return {{value}, std::vector<float>(channels, 1.0F), std::vector<float>(channels)};
}

}  // namespace eigenbit::internal
