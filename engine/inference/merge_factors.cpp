#include "engine/blas.h"
#include "engine/inference/fusion.h"
#include "engine/inference/prepare.h"

#include <tbb/parallel_for.h>

#include <algorithm>
#include <optional>

namespace eigenbit {
namespace {

bool is_pointwise(const Graph& graph, const Node& node) {
    const auto* const conv = std::get_if<Conv>(&node.op);
    if (!conv) return true;  // fully connected
    const Shape& weight = graph.parameter(node.inputs[1]).values.shape();
    return weight[1] * weight[2] == 1 && conv->groups == 1 && conv->stride == std::array<std::int64_t, 2>{1, 1}
           && conv->padding == std::array<std::int64_t, 4>{};
}

bool is_dense(const Node& node) {
    const auto* const conv = std::get_if<Conv>(&node.op);
    return !conv || conv->groups == 1;
}

bool is_padded(const Node& node) {
    const auto* const conv = std::get_if<Conv>(&node.op);
    return conv && conv->padding != std::array<std::int64_t, 4>{};
}

/// Two layers of which the second reads nothing but what the first puts out.
struct Pair {
    Node first, second;
    std::size_t second_position;
    bool first_is_pointwise;
};

/// Whether both can be one layer. Padding comes after the first one's bias, hence outputs of such a pair differ at the
/// borders of the image.
std::optional<Pair> pair_at(const Graph& graph, std::size_t position) {
    const Node& second = graph.nodes()[position];
    if (!is_layer(graph, second)) return std::nullopt;
    const ValueId between = second.inputs[0];
    const auto puts_out = [&](const Node& node) { return node.outputs.front() == between; };
    const auto found = std::ranges::find_if(graph.nodes(), puts_out);
    if (found == graph.nodes().end() || found->op.index() != second.op.index() || !is_layer(graph, *found)) {
        return std::nullopt;
    }
    std::ptrdiff_t readers = std::ranges::count(graph.outputs(), between);
    for (const Node& node : graph.nodes()) readers += std::ranges::count(node.inputs, between);
    if (readers != 1 || !is_dense(*found) || !is_dense(second)) return std::nullopt;
    const bool has_bias = found->inputs.size() > 2;
    if (is_pointwise(graph, *found) && !(has_bias && is_padded(second))) return Pair{*found, second, position, true};
    if (is_pointwise(graph, second)) return Pair{*found, second, position, false};
    return std::nullopt;
}

/// Of weights (O, KH, KW, I) or (O, I) that do what both do.
Shape merged_shape(const Shape& first, const Shape& second, bool first_is_pointwise) {
    Shape shape = first_is_pointwise ? second : first;
    shape[0] = second[0];
    shape[shape.rank() - 1] = first.back();
    return shape;
}

/// The inner channels are the first's outputs.
Tensor merged_weights(const Tensor& first, const Tensor& second, bool first_is_pointwise) {
    Tensor merged(merged_shape(first.shape(), second.shape(), first_is_pointwise));
    const std::int64_t inner = first.shape()[0];
    // (outputs and taps × inner) · (inner × inputs), or (outputs × inner) · (inner × taps and inputs).
    const std::int64_t columns =
        first_is_pointwise ? first.shape().back() : first.shape().elements(1, first.shape().rank());
    const std::int64_t rows = columns == 0 ? 0 : merged.elements() / columns;
    if (inner == 0) return merged;
    constexpr std::int64_t kTaskRows = 128;
    tbb::parallel_for(std::int64_t{0}, (rows + kTaskRows - 1) / kTaskRows, [&](std::int64_t task) {
        const std::int64_t begin = task * kTaskRows;
        multiply(std::min(kTaskRows, rows - begin), columns, inner, {second.data() + begin * inner, inner},
                 {first.data(), columns}, 0.0F, merged.data() + begin * columns, columns);
    });
    return merged;
}

/// The second's bias and what it makes of the first's.
Tensor merged_bias(const Graph& graph, const Pair& pair) {
    const Tensor& weight = graph.parameter(pair.second.inputs[1]).values;
    const std::int64_t outputs = weight.shape()[0];
    Tensor bias =
        pair.second.inputs.size() > 2 ? graph.parameter(pair.second.inputs[2]).values : Tensor(Shape{outputs});
    if (pair.first.inputs.size() < 3) return bias;
    const Tensor& first = graph.parameter(pair.first.inputs[2]).values;
    const std::int64_t inner = first.elements();
    const std::int64_t filter = weight.shape().elements(1, weight.shape().rank());
    for (std::int64_t o = 0; o < outputs; ++o) {
        double sum = bias[o];
        for (std::int64_t k = 0; k < filter; ++k) sum += static_cast<double>(weight[o * filter + k]) * first[k % inner];
        bias[o] = static_cast<float>(sum);
    }
    return bias;
}

/// Multiplications of one image through the merged layer, and through both.
bool pays(const Pair& pair, std::span<const Shape> shapes) {
    const auto shape = [&](ValueId value) { return shapes[static_cast<std::size_t>(value)]; };
    const Shape merged =
        merged_shape(shape(pair.first.inputs[1]), shape(pair.second.inputs[1]), pair.first_is_pointwise);
    const Shape merged_inputs[] = {shape(pair.first.inputs[0]), merged};
    const Shape outputs[] = {shape(pair.second.outputs[0])};
    const Operator& op = pair.first_is_pointwise ? pair.second.op : pair.first.op;
    return multiply_accumulates(op, merged_inputs, outputs)
           <= multiply_accumulates(pair.first, shapes) + multiply_accumulates(pair.second, shapes);
}

}  // namespace

int merge_factors(Graph& graph, std::span<const Shape> inputs) {
    std::vector<Shape> shapes = infer_shapes(graph, inputs);
    int merged_pairs = 0;
    for (std::size_t position = 0; position < graph.nodes().size(); ++position) {
        const std::optional<Pair> pair = pair_at(graph, position);
        if (!pair || !pays(*pair, shapes)) continue;
        Tensor weights = merged_weights(graph.parameter(pair->first.inputs[1]).values,
                                        graph.parameter(pair->second.inputs[1]).values, pair->first_is_pointwise);
        const std::string& name = pair->second.name;
        std::vector<ValueId> layer_inputs{pair->first.inputs[0],
                                          graph.add_parameter(name + ".weight", std::move(weights))};
        if (pair->first.inputs.size() > 2 || pair->second.inputs.size() > 2) {
            layer_inputs.push_back(graph.add_parameter(name + ".bias", merged_bias(graph, *pair)));
        }
        Node& node = graph.node(position);
        if (!pair->first_is_pointwise) node.op = pair->first.op;
        node.inputs = std::move(layer_inputs);
        ++merged_pairs;
        shapes = infer_shapes(graph, inputs);
    }
    graph.remove_unused_nodes();
    return merged_pairs;
}

}  // namespace eigenbit
