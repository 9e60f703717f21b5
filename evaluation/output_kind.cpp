#include "evaluation/output_kind.h"

#include "engine/graph/uses.h"

#include <algorithm>
#include <optional>
#include <vector>

namespace eigenbit::internal {
namespace {

bool moves_values(const Operator& op) {
    return std::holds_alternative<Reshape>(op) || std::holds_alternative<Transpose>(op)
           || std::holds_alternative<Dropout>(op);
}

/// The node that made the numbers of the first output; null where they are the input's.
const Node* maker(const Graph& graph) {
    const GraphUses uses(graph);
    std::optional<std::size_t> position = uses.producer(graph.outputs().front());
    while (position && moves_values(graph.nodes()[*position].op)) {
        position = uses.producer(graph.nodes()[*position].inputs.front());
    }
    return position ? &graph.nodes()[*position] : nullptr;
}

bool is_sigmoid(const Node* node) {
    const auto* const activation = node ? std::get_if<Activation>(&node->op) : nullptr;
    return activation != nullptr && activation->kind == Activation::Kind::sigmoid;
}

/// How many numbers a softmax brings to the sum 1; 0 for other nodes.
std::int64_t normalized_together(const Node* node, std::span<const Shape> shapes) {
    const auto* const softmax = node ? std::get_if<Softmax>(&node->op) : nullptr;
    if (softmax == nullptr) return 0;
    const Shape& shape = shapes[static_cast<std::size_t>(node->outputs.front())];
    return shape[softmax->axis < 0 ? softmax->axis + shape.rank() : softmax->axis];
}

bool is_image(const Shape& output, const Shape& input) {
    if (output.rank() != 4 || input.rank() != 4 || output[3] != input[3] || output[1] * output[2] == 1) return false;
    const std::int64_t scale = output[1] / input[1];
    return scale > 0 && output[1] == scale * input[1] && output[2] == scale * input[2];
}

}  // namespace

OutputKind output_kind(const Graph& graph, const Shape& input) {
    const std::vector<Shape> shapes = infer_shapes(graph, input);
    const Shape& output = shapes[static_cast<std::size_t>(graph.outputs().front())];
    const Node* const node = maker(graph);
    const std::int64_t normalized = normalized_together(node, shapes);
    if (output.rank() == 0 || output[0] != input[0]) return OutputKind::values;
    if (normalized == 0 && is_image(output, input)) return OutputKind::image;
    const std::int64_t numbers = output.elements(1, output.rank());
    const bool is_vector = std::ranges::count_if(output.begin() + 1, output.end(), [](auto n) { return n != 1; }) < 2;
    if (!is_vector) return OutputKind::values;
    if (is_sigmoid(node)) return numbers == 1 ? OutputKind::probability : OutputKind::labels;
    if (numbers < 2 || (normalized > 0 && normalized != numbers)) return OutputKind::values;
    return normalized > 0 && !std::get<Softmax>(node->op).logarithm ? OutputKind::probabilities : OutputKind::scores;
}

std::string_view to_string(OutputKind kind) {
    switch (kind) {
    case OutputKind::scores:
        return "one score for each class";
    case OutputKind::probabilities:
        return "one probability for each class";
    case OutputKind::probability:
        return "one probability";
    case OutputKind::labels:
        return "one probability for each label";
    case OutputKind::image:
        return "an image";
    case OutputKind::values:
        return "values that are no scores of classes";
    }
    return "";
}

}  // namespace eigenbit::internal
