#include "engine/passes/prepare_for_inference.h"

#include "engine/passes/expand_products.h"
#include "engine/passes/fold_batch_normalization.h"

#include <algorithm>

namespace eigenbit::internal {
namespace {

void remove_dropout(Graph& graph) {
    for (const Node& node : graph.nodes()) {
        if (std::holds_alternative<Dropout>(node.op)) graph.replace_uses(node.outputs.front(), node.inputs.front());
    }
    graph.remove_unused_nodes();
}

void compute_constants(Graph& graph) {
    const std::size_t nodes = graph.nodes().size();
    for (std::size_t i = 0; i < nodes; ++i) {
        const Node node = graph.nodes()[i];
        const auto is_parameter = [&](ValueId input) { return graph.is_parameter(input); };
        if (node.outputs.size() != 1 || !std::ranges::all_of(node.inputs, is_parameter)) continue;
        std::vector<Tensor> images;
        for (const ValueId input : node.inputs) images.push_back(image(graph.parameter(input)));
        const std::vector<ConstView> inputs(images.begin(), images.end());
        std::vector<Shape> shapes;
        for (const Tensor& values : images) shapes.push_back(values.shape());
        Tensor result(infer_shapes(node.op, shapes).front());
        const View output{result.shape(), result.data()};
        forward(node.op, ForwardArguments{.inputs = inputs, .outputs = std::span(&output, 1), .saved = {}});
        graph.replace_uses(node.outputs.front(), graph.add_parameter(node.name + ".constant", std::move(result)));
    }
    graph.remove_unused_nodes();
}

}  // namespace

void prepare_for_inference(Graph& graph) {
    remove_dropout(graph);
    compute_constants(graph);
    expand_products(graph);
    fold_batch_normalization(graph);
}

}  // namespace eigenbit::internal
