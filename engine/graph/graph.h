#pragma once

#include "engine/ops/operator.h"
#include "engine/weights/activation_quantizer.h"
#include "engine/weights/weight.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace eigenbit::internal {

/// Names a value of a graph: an input, a parameter or what a node outputs.
using ValueId = std::int32_t;

/// One operator applied to values.
struct Node {
    std::string name;
    Operator op;
    std::vector<ValueId> inputs;
    std::vector<ValueId> outputs;
};

/// The first of the node's inputs of this role, if it has one.
std::optional<ValueId> input_of(const Node& node, InputRole role);

/// A network: nodes in an order in which they can run, the values between them, and its parameters.
///
/// Images are NHWC; an extent 0 of an input's shape stands for any extent (the batch, a flexible image size).
class Graph {
  public:
    struct Input {
        ValueId value;
        Shape shape;
    };

    ValueId add_input(std::string name, const Shape& shape);
    ValueId add_parameter(std::string name, Weight weight);
    /// A node with one output, which takes the node's name.
    ValueId add_node(std::string name, Operator op, std::vector<ValueId> inputs);
    /// A node with this many outputs, named like the node, with ":0", ":1" … appended where they are several.
    std::vector<ValueId> add_node(std::string name, Operator op, std::vector<ValueId> inputs, int outputs);
    void add_output(ValueId value);

    /// Puts a node before the node at `position`; the value it outputs is new. A rewrite then redirects inputs to it.
    ValueId insert_node(std::size_t position, std::string name, Operator op, std::vector<ValueId> inputs);
    /// Replaces all uses of `from`, as an output of the graph too, by `to`; the quantizer of `from` moves along unless
    /// `to` has its own, and the name of an output does to what a node outputs alone.
    void replace_uses(ValueId from, ValueId to);
    /// Gives the only output of a node, and the node, another name.
    void rename(std::size_t node, const std::string& name);
    /// Lets the node compute the values of a later node, which is removed: a layer that now does the work of what
    /// followed it. Nodes after `later` move up by one. Where the network outputs them, the node takes their name.
    void absorb(std::size_t node, std::size_t later);
    /// Forgets nodes that nothing the graph outputs depends on, with their quantizers, then parameters that no node
    /// reads any more.
    void remove_unused_nodes();
    /// Forgets parameters that no node reads any more.
    void remove_unused_parameters();

    const std::vector<Node>& nodes() const { return nodes_; }
    Node& node(std::size_t index) { return nodes_[index]; }
    const std::vector<Input>& inputs() const { return inputs_; }
    const std::vector<ValueId>& outputs() const { return outputs_; }
    const std::string& name(ValueId value) const { return names_[static_cast<std::size_t>(value)]; }
    std::size_t value_count() const { return names_.size(); }

    const std::map<ValueId, Weight>& parameters() const { return parameters_; }
    bool is_parameter(ValueId value) const { return parameters_.contains(value); }
    const Weight& parameter(ValueId value) const { return parameters_.at(value); }
    Weight& parameter(ValueId value) { return parameters_.at(value); }
    /// The parameter of this name. Throws Error when there is none.
    ValueId find_parameter(std::string_view name) const;

    std::int64_t parameter_elements() const;

    /// Quantizers of inputs and of outputs of nodes, by value; readers see the rounded values.
    const std::map<ValueId, ActivationQuantizer>& activations() const { return activations_; }
    /// Throws Error when the value is a parameter or unknown, or the quantizer impossible.
    void quantize_activation(ValueId value, const ActivationQuantizer& quantizer);

  private:
    ValueId new_value(std::string name);
    void check_inputs(const std::string& node, std::span<const ValueId> inputs) const;

    std::vector<std::string> names_;
    std::vector<Node> nodes_;
    std::vector<Input> inputs_;
    std::vector<ValueId> outputs_;
    std::map<ValueId, Weight> parameters_;
    std::map<ValueId, ActivationQuantizer> activations_;
};

/// The shapes of all values, by ValueId, for inputs of these shapes. Throws Error naming the node where they do not
/// fit.
std::vector<Shape> infer_shapes(const Graph& graph, std::span<const Shape> inputs);
/// The same for the only input.
inline std::vector<Shape> infer_shapes(const Graph& graph, const Shape& input) {
    return infer_shapes(graph, std::span(&input, 1));
}

/// The first input's declared shape with this many images, and `side` for the extents that it leaves open. Throws Error
/// where there are such and the side is 0.
Shape input_shape(const Graph& graph, std::int64_t images, std::int64_t side = 0);

/// Multiply–accumulates of one node, given the shapes of all values.
std::int64_t multiply_accumulates(const Node& node, std::span<const Shape> shapes);

}  // namespace eigenbit::internal
