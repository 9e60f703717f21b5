#include "engine/passes/multiply_gains.h"

#include "engine/graph/layer_view.h"

namespace eigenbit::internal {

void multiply_gains(Graph& graph) {
    for (const LayerView& layer : layers_of(graph)) {
        if (!layer.gain) continue;
        const std::string name = graph.name(layer.weight);
        const ValueId scaled = graph.add_parameter(name, scaled_image(graph, layer));
        graph.node(layer.node).inputs = {layer.input, scaled, *layer.bias};
    }
    graph.remove_unused_parameters();
}

}  // namespace eigenbit::internal
