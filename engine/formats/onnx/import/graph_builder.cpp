#include "engine/formats/onnx/import/graph_builder.h"

#include "engine/base/error.h"
#include "engine/formats/onnx/layout.h"
#include "engine/graph/uses.h"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace eigenbit::internal {

std::string GraphBuilder::unique(std::string name) {
    const std::string wanted = name;
    for (int number = 2; !used_names_.insert(name).second; ++number) name = fmt::format("{}_{}", wanted, number);
    return name;
}

ValueId GraphBuilder::add_input(const std::string& name, const Shape& declared, ProbedShapes shapes) {
    shapes_.push_back(std::move(shapes));
    return graph_.add_input(unique(name), declared);
}

ValueId GraphBuilder::add_parameter(const std::string& name, Tensor values) {
    if (values.elements() == 0) fail("tensor '{}' of shape {} holds no values", name, to_string(values.shape()));
    if (!std::ranges::all_of(values.values(), [](float value) { return std::isfinite(value); })) {
        fail("tensor '{}' holds values that are not finite", name);
    }
    shapes_.emplace_back(shapes_.front().size(), values.shape());
    return graph_.add_parameter(unique(name), std::move(values));
}

std::vector<ProbedShapes> GraphBuilder::infer(const Operator& op, std::span<const ValueId> inputs) const {
    std::vector<ProbedShapes> outputs;
    for (std::size_t probe = 0; probe < shapes_.front().size(); ++probe) {
        std::vector<Shape> input_shapes;
        for (const ValueId input : inputs) input_shapes.push_back(shapes(input)[probe]);
        const std::vector<Shape> output_shapes = infer_shapes(op, input_shapes);
        outputs.resize(output_shapes.size());
        for (std::size_t i = 0; i < output_shapes.size(); ++i) {
            const Shape checked{std::span<const std::int64_t>(output_shapes[i].begin(), output_shapes[i].end())};
            if (checked.elements() == 0) fail("its output would have shape {}", to_string(checked));
            outputs[i].push_back(checked);
        }
    }
    return outputs;
}

ValueId GraphBuilder::add_named(std::string_view suffix, Operator op, std::vector<ValueId> inputs) {
    shapes_.push_back(infer(op, inputs).front());
    return graph_.add_node(unique(fmt::format("{}{}", node_name_, suffix)), std::move(op), std::move(inputs));
}

std::vector<ValueId> GraphBuilder::add(Operator op, std::vector<ValueId> inputs, int outputs) {
    std::ranges::move(infer(op, inputs), std::back_inserter(shapes_));
    return graph_.add_node(unique(node_name_), std::move(op), std::move(inputs), outputs);
}

std::optional<ActivationQuantizer> GraphBuilder::quantizer(ValueId value) const {
    const auto found = graph_.activations().find(value);
    return found == graph_.activations().end() ? std::nullopt : std::optional(found->second);
}

Node* GraphBuilder::producer(ValueId value) {
    if (quantizer(value)) return nullptr;
    const std::optional<std::size_t> node = eigenbit::internal::producer(graph_, value);
    return node ? &graph_.node(*node) : nullptr;
}

ValueId GraphBuilder::transpose(ValueId value, const std::vector<int>& permutation, std::string_view suffix) {
    const Node* before = producer(value);
    const auto* inner = before == nullptr ? nullptr : std::get_if<Transpose>(&before->op);
    const std::vector<int> whole = inner == nullptr ? permutation : composed(inner->permutation, permutation);
    const ValueId source = inner == nullptr ? value : before->inputs.front();
    return is_identity(whole) ? source : add_named(suffix, Transpose{whole}, {source});
}

ValueId GraphBuilder::reshape(ValueId value, const ProbedShapes& targets) {
    const Node* before = producer(value);
    const bool reshaped = before != nullptr && std::holds_alternative<Reshape>(before->op);
    const ValueId source = reshaped ? before->inputs.front() : value;
    return shapes(source) == targets ? source : add(Reshape{reshape_extents(shapes(source), targets)}, {source});
}

ValueId GraphBuilder::onnx_reshape(ValueId value, const ProbedShapes& onnx_targets) {
    const bool to_image = onnx_targets.front().rank() == 4;
    const ProbedShapes targets = to_our_order(onnx_targets);
    if (targets == shapes(value)) return value;
    if (rank(value) == 4 && !same_order(shapes(value))) value = in_onnx_order(value);
    if (!to_image || same_order(targets)) return reshape(value, targets);
    return from_onnx_order(reshape(value, onnx_targets));
}

ValueId GraphBuilder::in_onnx_order(ValueId value) {
    return rank(value) == 4 ? transpose(value, {kOurAxis.begin(), kOurAxis.end()}, "/layout") : value;
}

ValueId GraphBuilder::from_onnx_order(ValueId value) {
    return rank(value) == 4 ? transpose(value, {kOnnxAxis.begin(), kOnnxAxis.end()}, "/layout") : value;
}

Graph GraphBuilder::finish(std::span<const ValueId> outputs) {
    for (const ValueId output : outputs) graph_.add_output(output);
    graph_.remove_unused_nodes();
    return std::move(graph_);
}

}  // namespace eigenbit::internal
