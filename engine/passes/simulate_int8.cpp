#include "engine/passes/simulate_int8.h"

#include "engine/graph/layer_view.h"
#include "engine/graph/uses.h"
#include "engine/kernels/lowbit/packed_gemv.h"
#include "engine/passes/expand_products.h"
#include "engine/passes/quantizer_candidates.h"
#include "engine/weights/int8_weights.h"

namespace eigenbit::internal {
namespace {

/// A fully-connected layer multiplies levels of up to 8 bits as they are.
bool multiplies_levels(const LayerView& layer, const Weight& weight) {
    return !layer.conv && weight.quantized() && PackedGemv::can_pack(*weight.quantized());
}

}  // namespace

void simulate_int8(Graph& graph) {
    expand_products(graph);
    for (const LayerView& layer : layers_of(graph)) {
        const Weight& weight = graph.parameter(layer.weight);
        if (!is_int8_layer(graph, layer.node) || multiplies_levels(layer, weight)) continue;
        Tensor values = image(int8_weights(weight), weight.shape());
        const std::size_t input = *find_input(graph.nodes()[layer.node].op, InputRole::weight);
        graph.parameter(own_parameter(graph, layer.node, input)) = std::move(values);
    }
}

}  // namespace eigenbit::internal
