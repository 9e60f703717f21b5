#include "engine/formats/onnx/import/interleaved.h"

namespace eigenbit::internal {
namespace {

/// The operator that outputs the value, if it is of this type.
template <typename Op>
const Op* producing(GraphBuilder& graph, ValueId value) {
    const Node* const node = graph.producer(value);
    return node == nullptr ? nullptr : std::get_if<Op>(&node->op);
}

}  // namespace

Tensor InterleavedLayer::repeated(ConstView of_channels) const {
    const std::int64_t channels = of_channels.elements();
    Tensor result(Shape{phases() * channels});
    for (std::int64_t i = 0; i < result.elements(); ++i) {
        result[i] = of_channels[op.order == DepthToSpace::Order::depth_first ? i % channels : i / phases()];
    }
    return result;
}

ValueId InterleavedLayer::interleave(GraphBuilder& graph, ValueId value) const {
    const ValueId blocks = graph.add(op, {value});
    return cut ? graph.add(*cut, {blocks}) : blocks;
}

std::optional<InterleavedLayer> interleaved_layer(GraphBuilder& graph, ValueId value) {
    std::optional<Slice> cut;
    if (const auto* const slice = producing<Slice>(graph, value); slice != nullptr && graph.rank(value) == 4) {
        const auto keeps_all = [&](std::size_t axis) {
            const Slice::Range& range = slice->ranges[axis];
            return range.begin == 0 && range.end == Slice::Range{}.end && range.step == 1;
        };
        if (!keeps_all(0) || !keeps_all(3)) return std::nullopt;
        cut = *slice;
        value = graph.producer(value)->inputs.front();
    }
    const auto* const op = producing<DepthToSpace>(graph, value);
    if (op == nullptr) return std::nullopt;
    return InterleavedLayer{graph.producer(value)->inputs.front(), *op, cut};
}

}  // namespace eigenbit::internal
