#include "engine/graph/graph.h"

#include "engine/base/error.h"

#include <algorithm>
#include <iterator>
#include <set>

namespace eigenbit::internal {
namespace {

std::vector<Shape> shapes_of(std::span<const ValueId> values, std::span<const Shape> shapes) {
    std::vector<Shape> result;
    result.reserve(values.size());
    for (const ValueId value : values) result.push_back(shapes[static_cast<std::size_t>(value)]);
    return result;
}

void check_declared(const std::string& name, const Shape& declared, const Shape& given) {
    bool fits = declared.rank() == given.rank();
    for (int axis = 0; fits && axis < declared.rank(); ++axis) {
        fits = declared[axis] == 0 || declared[axis] == given[axis];
    }
    if (!fits) {
        fail("Input '{}' has shape {}, expected {} (0 = any).", name, to_string(given), to_string(declared));
    }
}

}  // namespace

std::optional<ValueId> input_of(const Node& node, InputRole role) {
    const std::optional<std::size_t> place = find_input(node.op, role);
    return place && *place < node.inputs.size() ? std::optional(node.inputs[*place]) : std::nullopt;
}

ValueId Graph::new_value(std::string name) {
    names_.push_back(std::move(name));
    return static_cast<ValueId>(names_.size()) - 1;
}

void Graph::check_inputs(const std::string& node, std::span<const ValueId> inputs) const {
    for (const ValueId input : inputs) {
        if (input < 0 || static_cast<std::size_t>(input) >= names_.size()) {
            fail("Node '{}' reads value {}, which does not exist.", node, input);
        }
    }
}

ValueId Graph::add_input(std::string name, const Shape& shape) {
    const ValueId value = new_value(std::move(name));
    inputs_.push_back({value, shape});
    return value;
}

ValueId Graph::add_parameter(std::string name, Weight weight) {
    const ValueId value = new_value(std::move(name));
    parameters_.emplace(value, std::move(weight));
    return value;
}

ValueId Graph::add_node(std::string name, Operator op, std::vector<ValueId> inputs) {
    return insert_node(nodes_.size(), std::move(name), std::move(op), std::move(inputs));
}

std::vector<ValueId> Graph::add_node(std::string name, Operator op, std::vector<ValueId> inputs, int outputs) {
    if (outputs == 1) return {add_node(std::move(name), std::move(op), std::move(inputs))};
    check_inputs(name, inputs);
    std::vector<ValueId> values;
    for (int output = 0; output < outputs; ++output) values.push_back(new_value(formatted("{}:{}", name, output)));
    nodes_.push_back({std::move(name), std::move(op), std::move(inputs), values});
    return values;
}

void Graph::add_output(ValueId value) { outputs_.push_back(value); }

ValueId Graph::insert_node(std::size_t position, std::string name, Operator op, std::vector<ValueId> inputs) {
    check_inputs(name, inputs);
    const ValueId value = new_value(name);
    nodes_.insert(nodes_.begin() + static_cast<std::ptrdiff_t>(position),
                  Node{std::move(name), std::move(op), std::move(inputs), {value}});
    return value;
}

void Graph::rename(std::size_t node, const std::string& name) {
    nodes_[node].name = name;
    names_[static_cast<std::size_t>(nodes_[node].outputs.front())] = name;
}

void Graph::replace_uses(ValueId from, ValueId to) {
    for (Node& node : nodes_) std::ranges::replace(node.inputs, from, to);
    const auto is_output = [&](ValueId value) { return std::ranges::find(outputs_, value) != outputs_.end(); };
    if (is_output(from) && !is_output(to)) {
        const auto producer = std::ranges::find(nodes_, std::vector{to}, &Node::outputs);
        if (producer != nodes_.end()) rename(static_cast<std::size_t>(producer - nodes_.begin()), name(from));
        if (is_parameter(to)) names_[static_cast<std::size_t>(to)] = name(from);
    }
    std::ranges::replace(outputs_, from, to);
    if (auto quantizer = activations_.extract(from)) {
        quantizer.key() = to;
        activations_.insert(std::move(quantizer));
    }
}

void Graph::absorb(std::size_t node, std::size_t later) {
    for (const ValueId output : nodes_[node].outputs) activations_.erase(output);
    if (std::ranges::find(outputs_, nodes_[later].outputs.front()) != outputs_.end()) {
        nodes_[node].name = nodes_[later].name;
    }
    nodes_[node].outputs = std::move(nodes_[later].outputs);
    nodes_.erase(nodes_.begin() + static_cast<std::ptrdiff_t>(later));
    remove_unused_parameters();
}

void Graph::remove_unused_nodes() {
    std::vector<bool> read(names_.size());
    for (const ValueId output : outputs_) read[static_cast<std::size_t>(output)] = true;
    std::vector<Node> kept;
    for (std::size_t i = nodes_.size(); i-- > 0;) {
        const auto is_read = [&](ValueId value) { return read[static_cast<std::size_t>(value)]; };
        if (std::ranges::none_of(nodes_[i].outputs, is_read)) {
            for (const ValueId output : nodes_[i].outputs) activations_.erase(output);
            continue;
        }
        for (const ValueId input : nodes_[i].inputs) read[static_cast<std::size_t>(input)] = true;
        kept.push_back(std::move(nodes_[i]));
    }
    nodes_.assign(std::make_move_iterator(kept.rbegin()), std::make_move_iterator(kept.rend()));
    remove_unused_parameters();
}

void Graph::remove_unused_parameters() {
    std::set<ValueId> read(outputs_.begin(), outputs_.end());
    for (const Node& node : nodes_) read.insert(node.inputs.begin(), node.inputs.end());
    std::erase_if(parameters_, [&](const auto& entry) { return !read.contains(entry.first); });
}

ValueId Graph::find_parameter(std::string_view wanted) const {
    const auto found =
        std::ranges::find_if(parameters_, [&](const auto& entry) { return name(entry.first) == wanted; });
    if (found == parameters_.end()) fail("The network has no parameter named '{}'.", wanted);
    return found->first;
}

std::int64_t Graph::parameter_elements() const {
    std::int64_t elements = 0;
    for (const auto& [value, parameter] : parameters_) elements += parameter.elements();
    return elements;
}

void Graph::quantize_activation(ValueId value, const ActivationQuantizer& quantizer) {
    if (value < 0 || static_cast<std::size_t>(value) >= names_.size()) fail("There is no value {} to round.", value);
    if (is_parameter(value)) fail("'{}' is a parameter: it cannot be rounded as an activation.", name(value));
    validate(quantizer);
    activations_[value] = quantizer;
}

std::vector<Shape> infer_shapes(const Graph& graph, std::span<const Shape> inputs) {
    if (inputs.size() != graph.inputs().size()) {
        fail("The network has {} inputs, {} were given.", graph.inputs().size(), inputs.size());
    }
    std::vector<Shape> shapes(graph.value_count());
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        const Graph::Input& declared = graph.inputs()[i];
        check_declared(graph.name(declared.value), declared.shape, inputs[i]);
        shapes[static_cast<std::size_t>(declared.value)] = inputs[i];
    }
    for (const auto& [value, parameter] : graph.parameters()) {
        shapes[static_cast<std::size_t>(value)] = parameter.shape();
    }
    for (const Node& node : graph.nodes()) {
        std::vector<Shape> outputs;
        try {
            outputs = infer_shapes(node.op, shapes_of(node.inputs, shapes));
        } catch (const Error& error) {
            fail("Node '{}' ({}): {}", node.name, type_name(node.op), error.what());
        }
        if (outputs.size() != node.outputs.size()) {
            fail("Node '{}' ({}) outputs {} values, {} are declared.", node.name, type_name(node.op), outputs.size(),
                 node.outputs.size());
        }
        for (std::size_t i = 0; i < outputs.size(); ++i) {
            shapes[static_cast<std::size_t>(node.outputs[i])] = outputs[i];
        }
    }
    return shapes;
}

Shape input_shape(const Graph& graph, std::int64_t images, std::int64_t side) {
    if (graph.inputs().empty()) fail("The network has no input.");
    const Graph::Input& input = graph.inputs().front();
    Shape shape = input.shape;
    shape[0] = images;
    for (int axis = 1; axis < shape.rank(); ++axis) {
        if (shape[axis] == 0) shape[axis] = side;
        if (shape[axis] == 0) {
            fail("Input '{}' takes images of any size; a size must be given.", graph.name(input.value));
        }
    }
    return shape;
}

std::int64_t multiply_accumulates(const Node& node, std::span<const Shape> shapes) {
    return multiply_accumulates(node.op, shapes_of(node.inputs, shapes), shapes_of(node.outputs, shapes));
}

}  // namespace eigenbit::internal
