#include "engine/formats/onnx/import/graph_builder.h"

#include "engine/base/error.h"
#include "engine/formats/onnx/import/interleaved.h"
#include "engine/formats/onnx/layout.h"
#include "engine/formats/onnx/shapes.h"
#include "engine/graph/layer_view.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>

namespace eigenbit::internal {

namespace {

std::vector<int> axes(int rank) {
    std::vector<int> result(static_cast<std::size_t>(rank));
    std::iota(result.begin(), result.end(), 0);
    return result;
}

}  // namespace

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

std::optional<ValueId> GraphBuilder::add_to_images(const Operator& op, std::span<const ValueId> inputs) {
    const auto is_row = [&](ValueId input) {
        return rank(input) == 3 || (graph_.is_parameter(input) && rank(input) < 3);
    };
    const auto is_image = [&](ValueId input) { return image_behind(input).has_value(); };
    if (!std::ranges::all_of(inputs, is_row) || std::ranges::none_of(inputs, is_image)) return std::nullopt;
    std::vector<ValueId> images;
    for (const ValueId input : inputs) {
        if (!graph_.is_parameter(input)) {
            images.push_back(image_of_row(input));
            continue;
        }
        Tensor values = graph_.parameter(input).values();
        if (values.elements() > 1) {
            values.reshape(row_as_image(with_leading_ones(values.shape(), 3)));
            values = eigenbit::internal::to_our_order(values);
            values.reshape(without_leading_ones(values.shape()));
        }
        images.push_back(add_parameter(graph_.name(input), std::move(values)));
    }
    return row_of_image(add_named("", op, images));
}

std::optional<ValueId> GraphBuilder::add_to_layer(const Operator& op, std::span<const ValueId> inputs) {
    std::optional<InterleavedLayer> interleaved;
    for (const ValueId input : inputs) {
        if (graph_.is_parameter(input)) continue;
        if (interleaved) return std::nullopt;
        interleaved = interleaved_layer(*this, input);
        if (!interleaved) return std::nullopt;
    }
    if (!interleaved) return std::nullopt;
    std::vector<ValueId> of_layer;
    for (const ValueId input : inputs) {
        const Tensor* const values = parameter(input);
        if (values == nullptr) {
            of_layer.push_back(interleaved->layer);
        } else if (values->elements() == 1 && values->shape().rank() <= 4) {
            of_layer.push_back(input);
        } else if (values->shape() == Shape{shapes(interleaved->layer).front().back() / interleaved->phases()}) {
            of_layer.push_back(add_parameter(graph_.name(input), interleaved->repeated(*values)));
        } else {
            return std::nullopt;
        }
    }
    return interleaved->interleave(*this, add(op, of_layer));
}

std::optional<ValueId> GraphBuilder::before_layout_changes(const Operator& op, std::span<const ValueId> inputs) {
    const bool is_function = inputs.size() == 1 && int8_form(op) == Int8::lookup256;
    const bool is_unary = is_function || std::holds_alternative<Dropout>(op);
    if (!is_unary && !std::holds_alternative<Arithmetic>(op) && !std::holds_alternative<PRelu>(op)
        && !std::holds_alternative<Select>(op)) {
        return std::nullopt;
    }
    if (const auto row = add_to_images(op, inputs)) return row;
    if (const auto interleaved = add_to_layer(op, inputs)) return interleaved;
    const Node* const before = producer(inputs.front());
    if (!is_unary || before == nullptr || !std::holds_alternative<Reshape>(before->op)) return std::nullopt;
    const Operator reshape = before->op;
    return add_named("/shape", reshape, {add(op, {before->inputs.front()})});
}

ValueId GraphBuilder::add(Operator op, std::vector<ValueId> inputs) {
    if (const auto moved = before_layout_changes(op, inputs)) return *moved;
    return add_named("", std::move(op), std::move(inputs));
}

std::vector<ValueId> GraphBuilder::add(Operator op, std::vector<ValueId> inputs, int outputs) {
    std::ranges::move(infer(op, inputs), std::back_inserter(shapes_));
    return graph_.add_node(unique(node_name_), std::move(op), std::move(inputs), outputs);
}

std::optional<ActivationQuantizer> GraphBuilder::quantizer(ValueId value) const {
    const auto found = graph_.activations().find(value);
    return found == graph_.activations().end() ? std::nullopt : std::optional(found->second);
}

const Tensor* GraphBuilder::parameter(ValueId value) const {
    if (!graph_.is_parameter(value) || !graph_.parameter(value).is_float()) return nullptr;
    return &graph_.parameter(value).values();
}

Node* GraphBuilder::producer(ValueId value) {
    if (quantizer(value)) return nullptr;
    const std::optional<std::size_t> node = eigenbit::internal::producer(graph_, value);
    return node ? &graph_.node(*node) : nullptr;
}

ValueId GraphBuilder::transpose(ValueId value, const std::vector<int>& permutation, std::string_view suffix) {
    if (rank(value) != 4) {
        if (const auto reshaped = as_reshape(value, permutation)) return *reshaped;
    }
    const Node* before = producer(value);
    const auto* inner = before == nullptr ? nullptr : std::get_if<Transpose>(&before->op);
    const std::vector<int> whole = inner == nullptr ? permutation : composed(inner->permutation, permutation);
    const ValueId source = inner == nullptr ? value : before->inputs.front();
    return is_identity(whole) ? source : add_named(suffix, Transpose{whole}, {source});
}

std::optional<ValueId> GraphBuilder::as_reshape(ValueId value, const std::vector<int>& permutation) {
    ProbedShapes targets;
    for (const Shape& shape : shapes(value)) targets.push_back(permuted(shape, permutation));
    // Rows of an image of height 1 are what it holds.
    const auto image = image_behind(value);
    if (image && permutation == std::vector{0, 2, 1}) return reshape(*image, targets);
    int last = -1;
    for (const int axis : permutation) {
        const auto is_one = [&](const Shape& shape) { return shape[axis] == 1; };
        if (std::ranges::all_of(shapes(value), is_one)) continue;
        if (axis < last) return std::nullopt;
        last = axis;
    }
    return reshape(value, targets);
}

ValueId GraphBuilder::reshape(ValueId value, const ProbedShapes& targets) {
    if (shapes(value) == targets) return value;
    const Node* before = producer(value);
    if (before != nullptr && std::holds_alternative<Reshape>(before->op)) {
        const ValueId source = before->inputs.front();
        if (shapes(source) == targets) return source;
        if (auto extents = find_reshape_extents(shapes(source), targets)) {
            return add_named("", Reshape{*std::move(extents)}, {source});
        }
    }
    return add_named("", Reshape{reshape_extents(shapes(value), targets)}, {value});
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

ValueId GraphBuilder::channels_last(ValueId value) {
    if (rank(value) < 2) fail("input 0 has shape {}, which has no channels", to_string(shapes(value).front()));
    if (rank(value) == 4) return value;
    std::vector<int> permutation = axes(rank(value));
    std::rotate(permutation.begin() + 1, permutation.begin() + 2, permutation.end());
    return transpose(value, permutation, "/layout");
}

ValueId GraphBuilder::from_channels_last(ValueId value) {
    if (rank(value) == 4) return value;
    std::vector<int> permutation = axes(rank(value));
    std::rotate(permutation.begin() + 1, permutation.end() - 1, permutation.end());
    return transpose(value, permutation, "/layout");
}

/// Lets a normalization without scale multiply by the parameter that only its value is multiplied by, and a
/// normalization with scale, or a layer, without bias add that which is added. Whether there was one.
bool GraphBuilder::take_in_parameter(std::size_t position, const GraphUses& uses) {
    const Node& node = graph_.nodes()[position];
    const bool is_normalization = std::holds_alternative<Normalization>(node.op);
    if (!is_normalization && !is_layer(node.op)) return false;
    const ValueId value = node.outputs.front();
    if (quantizer(value)) return false;
    const std::size_t inputs = node.inputs.size();
    const std::optional<std::size_t> reader = uses.only_reader(value);
    if (!reader || inputs > 2) return false;
    const Node& next = graph_.nodes()[*reader];
    const auto* arithmetic = std::get_if<Arithmetic>(&next.op);
    const auto wanted = inputs == 1 ? Arithmetic::Kind::multiply : Arithmetic::Kind::add;
    if (arithmetic == nullptr || arithmetic->kind != wanted) return false;
    const ValueId added = next.inputs[next.inputs.front() == value ? 1 : 0];
    if (parameter(added) == nullptr || shapes(next.outputs.front()) != shapes(value)) return false;
    const Shape channels{shapes(value).front().back()};
    if (is_normalization ? rank(added) > rank(value) : !(shapes(added).front() == channels)) return false;
    graph_.node(position).inputs.push_back(added);
    graph_.absorb(position, *reader);
    return true;
}

ValueId GraphBuilder::image_of_row(ValueId row) {
    ProbedShapes images = shapes(row);
    std::ranges::transform(images, images.begin(), row_as_image);
    const Node* const before = producer(row);
    const auto* const transposed = before == nullptr ? nullptr : std::get_if<Transpose>(&before->op);
    if (transposed != nullptr && transposed->permutation == std::vector{0, 2, 1}) {
        return reshape(before->inputs.front(), to_our_order(images));
    }
    return onnx_reshape(row, images);
}

ValueId GraphBuilder::row_of_image(ValueId image) {
    ProbedShapes rows;
    for (const Shape& shape : shapes(image)) rows.push_back({shape[0], shape[3], shape[2]});
    return onnx_reshape(image, rows);
}

std::optional<ValueId> GraphBuilder::image_behind(ValueId row) {
    const Node* const reshape = producer(row);
    if (rank(row) != 3 || reshape == nullptr || !std::holds_alternative<Reshape>(reshape->op)) return std::nullopt;
    ValueId image = reshape->inputs.front();
    if (rank(image) != 4) return std::nullopt;
    const Node* const transpose = producer(image);
    const auto* const change = transpose == nullptr ? nullptr : std::get_if<Transpose>(&transpose->op);
    if (change != nullptr && std::ranges::equal(change->permutation, kOurAxis)) {
        image = transpose->inputs.front();
    } else if (!same_order(shapes(image))) {
        return std::nullopt;
    }
    for (std::size_t probe = 0; probe < shapes(image).size(); ++probe) {
        const Shape& shape = shapes(image)[probe];
        if (shape[1] != 1 || !(shapes(row)[probe] == Shape{shape[0], shape[3], shape[2]})) return std::nullopt;
    }
    return image;
}

std::optional<ValueId> GraphBuilder::image_of_size(std::span<const std::array<std::int64_t, 2>> sizes) const {
    const auto has_size = [&](ValueId value) {
        if (rank(value) != 4) return false;
        for (std::size_t probe = 0; probe < sizes.size(); ++probe) {
            const Shape& shape = shapes(value)[probe];
            if (shape[1] != sizes[probe][0] || shape[2] != sizes[probe][1]) return false;
        }
        return true;
    };
    for (const Graph::Input& input : graph_.inputs()) {
        if (has_size(input.value)) return input.value;
    }
    const GraphUses uses(graph_);
    std::optional<ValueId> found;
    for (const Node& node : graph_.nodes()) {
        if (std::holds_alternative<Reshape>(node.op) || std::holds_alternative<Transpose>(node.op)) continue;
        if (!has_size(node.outputs.front())) continue;
        if (uses.readers(node.outputs.front()).size() > 1) return node.outputs.front();
        found = node.outputs.front();
    }
    return found;
}

void GraphBuilder::name_output(ValueId output, const std::string& name) {
    const std::vector<Node>& nodes = graph_.nodes();
    const auto position = eigenbit::internal::producer(graph_, output);
    if (!position || nodes[*position].outputs.size() != 1 || graph_.name(output) == name) return;
    const auto is_taken = [&](ValueId value) { return graph_.name(value) == name; };
    if (std::ranges::any_of(graph_.inputs(), is_taken, &Graph::Input::value)
        || std::ranges::any_of(graph_.parameters(), [&](const auto& entry) { return is_taken(entry.first); })) {
        return;
    }
    // Of several nodes that make an output, the first has its name so far: they change names.
    for (std::size_t other = 0; other < nodes.size(); ++other) {
        if (std::ranges::none_of(nodes[other].outputs, is_taken)) continue;
        if (nodes[other].outputs.size() != 1) return;
        graph_.rename(other, std::string(graph_.name(output)));
    }
    graph_.rename(*position, name);
}

Graph GraphBuilder::finish(std::span<const ValueId> outputs, std::span<const std::string> names) {
    for (const ValueId output : outputs) graph_.add_output(output);
    graph_.remove_unused_nodes();
    GraphUses uses(graph_);
    for (std::size_t node = 0; node < graph_.nodes().size(); ++node) {
        while (take_in_parameter(node, uses)) uses = GraphUses(graph_);
    }
    for (std::size_t i = outputs.size(); i-- > 0;) name_output(graph_.outputs()[i], names[i]);  // the first name stays
    return std::move(graph_);
}

}  // namespace eigenbit::internal
