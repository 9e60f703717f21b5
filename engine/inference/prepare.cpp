#include "engine/inference/prepare.h"

#include "engine/fold_batch_normalization.h"

#include <algorithm>

namespace eigenbit {
namespace {

void remove_dropout(Graph& graph) {
    for (const Node& node : graph.nodes()) {
        if (std::holds_alternative<Dropout>(node.op)) graph.redirect(node.outputs.front(), node.inputs.front());
    }
    graph.remove_unused_nodes();
}

void compute_constants(Graph& graph) {
    const std::size_t nodes = graph.nodes().size();
    for (std::size_t i = 0; i < nodes; ++i) {
        const Node node = graph.nodes()[i];
        const auto is_parameter = [&](ValueId input) { return graph.is_parameter(input); };
        if (node.outputs.size() != 1 || !std::ranges::all_of(node.inputs, is_parameter)) continue;
        std::vector<ConstView> inputs;
        std::vector<Shape> shapes;
        for (const ValueId input : node.inputs) {
            inputs.push_back(graph.parameter(input).values);
            shapes.push_back(inputs.back().shape);
        }
        Tensor result(infer_shapes(node.op, shapes).front());
        const View output{result.shape(), result.data()};
        forward(node.op, ForwardArguments{.inputs = inputs, .outputs = std::span(&output, 1), .saved = {}});
        graph.redirect(node.outputs.front(), graph.add_parameter(node.name + ".constant", std::move(result)));
    }
    graph.remove_unused_nodes();
}

}  // namespace

void prepare_for_inference(Graph& graph, std::span<const Shape> inputs) {
    remove_dropout(graph);
    compute_constants(graph);
    fold_batch_normalization(graph, FoldInto::all_layers);
    merge_factors(graph, inputs);
}

}  // namespace eigenbit
