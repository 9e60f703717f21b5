#include "engine/passes/simulate_int8.h"

#include "engine/graph/layer_view.h"
#include "engine/graph/uses.h"
#include "engine/kernels/lowbit/packed_gemv.h"
#include "engine/passes/expand_products.h"
#include "engine/passes/quantizer_candidates.h"
#include "engine/weights/int8_weights.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace eigenbit::internal {
namespace {

/// A fully-connected layer multiplies levels of up to 8 bits as they are.
bool multiplies_levels(const LayerView& layer, const Weight& weight) {
    return !layer.conv && weight.quantized() && PackedGemv::can_pack(*weight.quantized());
}

bool is_deep(const Weight& weight) {
    const auto has_deep_block = [](const Quantized* factor) {
        return std::ranges::any_of(factor->blocks, [](const QuantizedBlock& block) { return block.bit_depth > 8; });
    };
    return weight.is_float() || std::ranges::any_of(quantized_factors(weight), has_deep_block);
}

/// Replaces the weights of layers that int8 execution computes in int8 from their codes.
template <typename Replacement>
void replace_int8_weights(Graph& graph, const Replacement& replacement) {
    for (const LayerView& layer : layers_of(graph)) {
        const Weight& weight = graph.parameter(layer.weight);
        if (!is_int8_layer(graph, layer.node) || multiplies_levels(layer, weight)) continue;
        if (std::optional<Weight> replaced = replacement(weight)) {
            const std::size_t input = *find_input(graph.nodes()[layer.node].op, InputRole::weight);
            graph.parameter(own_parameter(graph, layer.node, input)) = *std::move(replaced);
        }
    }
}

}  // namespace

void simulate_int8(Graph& graph) {
    expand_products(graph);
    replace_int8_weights(
        graph, [](const Weight& weight) { return std::optional<Weight>(image(int8_weights(weight), weight.shape())); });
}

void round_to_int8(Graph& graph) {
    replace_int8_weights(graph, [](const Weight& weight) {
        return is_deep(weight) ? std::optional<Weight>(levels_of(int8_weights(weight), weight.shape())) : std::nullopt;
    });
}

}  // namespace eigenbit::internal
