#include "engine/passes/join_inputs.h"

#include "engine/passes/part.h"

#include <algorithm>
#include <map>
#include <string>

namespace eigenbit::internal {
namespace {

using Values = std::map<ValueId, ValueId>;

/// Adds a graph to another that has its inputs.
void add_whole(Graph& graph, const Graph& from, Values known) {
    add_part(graph, from, known, [](ValueId) { return true; });
    for (const ValueId output : from.outputs()) graph.add_output(known.at(output));
}

}  // namespace

JoinedInputs::JoinedInputs(const Graph& graph, std::span<const Shape> shapes) {
    for (const Graph::Input& input : graph.inputs()) inputs_.push_back({graph.name(input.value), input.shape, -1});
    Split split{.axis = 1, .sizes = {}};
    std::int64_t all = 0;
    for (const Shape& shape : shapes) {
        split.sizes.push_back(shape.elements(1, shape.rank()));
        all += split.sizes.back();
    }
    const ValueId joined = joined_.add_input("inputs", Shape{0, all});
    const std::vector<ValueId> parts =
        joined_.add_node("inputs/parts", split, {joined}, static_cast<int>(shapes.size()));
    Values known;
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
        std::vector<std::int64_t> extents(shapes[i].begin(), shapes[i].end());
        extents.front() = 0;
        inputs_[i].value = joined_.add_node(inputs_[i].name, Reshape{extents}, {parts[i]});
        known[graph.inputs()[i].value] = inputs_[i].value;
    }
    add_whole(joined_, graph, std::move(known));
}

Tensor JoinedInputs::join(std::span<const Tensor> inputs) const {
    const Shape rows{inputs.front().shape()[0], joined_.inputs().front().shape[1]};
    Tensor result(rows);
    for (std::int64_t row = 0; row < rows[0]; ++row) {
        float* to = result.data() + row * rows[1];
        for (const Tensor& input : inputs) {
            const std::int64_t own = input.elements() / rows[0];
            to = std::copy_n(input.data() + row * own, own, to);
        }
    }
    return result;
}

Graph JoinedInputs::apart(const Graph& rewritten) const {
    Graph graph;
    Values known;
    for (const Input& input : inputs_) known[input.value] = graph.add_input(input.name, input.shape);
    const ValueId joined = rewritten.inputs().front().value;
    for (const Node& node : rewritten.nodes()) {
        if (node.inputs.front() != joined) continue;
        for (const ValueId part : node.outputs) known[part] = -1;  // nothing reads them any more
    }
    add_whole(graph, rewritten, std::move(known));
    return graph;
}

}  // namespace eigenbit::internal
