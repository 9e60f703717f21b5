#pragma once

#include "engine/formats/onnx/import/probes.h"
#include "engine/graph/graph.h"
#include "engine/graph/uses.h"

#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace eigenbit::internal {

/// Builds a graph whose values have known shapes at every probe, and simplifies it: transposes and reshapes in a row
/// become one, those that change nothing none.
class GraphBuilder {
  public:
    /// `name` is what the nodes added from now on are called, with a number appended from the second on.
    void begin_node(const std::string& name) { node_name_ = name; }
    const std::string& node_name() const { return node_name_; }

    ValueId add_input(const std::string& name, const Shape& declared, ProbedShapes shapes);
    /// Throws Error when it holds no values, or values that are not finite.
    ValueId add_parameter(const std::string& name, Tensor values);
    /// What works element by element is computed before the elements change their order, so that it follows the layer
    /// whose result it takes.
    ValueId add(Operator op, std::vector<ValueId> inputs);
    std::vector<ValueId> add(Operator op, std::vector<ValueId> inputs, int outputs);

    const ProbedShapes& shapes(ValueId value) const { return shapes_[static_cast<std::size_t>(value)]; }
    int rank(ValueId value) const { return shapes(value).front().rank(); }
    const std::string& name(ValueId value) const { return graph_.name(value); }
    /// The values of a float parameter; null for others.
    const Tensor* parameter(ValueId value) const;
    /// The node that outputs this value, to be changed or not; null for inputs and parameters, and for values that are
    /// rounded.
    Node* producer(ValueId value);

    std::optional<ActivationQuantizer> quantizer(ValueId value) const;
    /// Readers of the value see it rounded from now on.
    void round(ValueId value, const ActivationQuantizer& quantizer) { graph_.quantize_activation(value, quantizer); }

    ValueId transpose(ValueId value, const std::vector<int>& permutation, std::string_view suffix = "");
    /// The same elements in the same order in memory under other shapes.
    ValueId reshape(ValueId value, const ProbedShapes& targets);
    /// What ONNX calls a reshape: the order of the elements is that of ONNX's layout, as are the target shapes.
    ValueId onnx_reshape(ValueId value, const ProbedShapes& onnx_targets);
    /// The value with its axes in ONNX's order, whatever its rank, and back.
    ValueId in_onnx_order(ValueId value);
    ValueId from_onnx_order(ValueId value);
    /// The value with its channels, ONNX's second axis, as the last one, and back. Throws Error where it has none.
    ValueId channels_last(ValueId value);
    ValueId from_channels_last(ValueId value);

    /// A value (N, C, L) as an image of height 1, and back.
    ValueId image_of_row(ValueId row);
    ValueId row_of_image(ValueId image);
    /// The image of height 1 that a value of 3 dimensions was made of, if it was.
    std::optional<ValueId> image_behind(ValueId row);

    /// An image of this height and width at every probe, if there is one: an input of the network rather than others, a
    /// value with several readers rather than one whose only reader could be computed together with it.
    std::optional<ValueId> image_of_size(std::span<const std::array<std::int64_t, 2>> sizes) const;

    /// Leaves out what no output needs. Layers take in the bias, and normalizations the scale and bias, behind them;
    /// what computes an output alone has the output's name.
    Graph finish(std::span<const ValueId> outputs, std::span<const std::string> names);

  private:
    ValueId add_named(std::string_view suffix, Operator op, std::vector<ValueId> inputs);
    /// A transpose that moves nothing but extents of 1 as a reshape.
    std::optional<ValueId> as_reshape(ValueId value, const std::vector<int>& permutation);
    /// An operator that broadcasts, of values (N, C, L) of which some lie as images of height 1, on images.
    std::optional<ValueId> add_to_images(const Operator& op, std::span<const ValueId> inputs);
    /// An operator on what DepthToSpace makes of a layer, and on numbers or values of its channels, on the layer.
    std::optional<ValueId> add_to_layer(const Operator& op, std::span<const ValueId> inputs);
    std::optional<ValueId> before_layout_changes(const Operator& op, std::span<const ValueId> inputs);
    std::vector<ProbedShapes> infer(const Operator& op, std::span<const ValueId> inputs) const;
    std::string unique(std::string name);
    void name_output(ValueId output, const std::string& name);
    bool take_in_parameter(std::size_t position, const GraphUses& uses);

    Graph graph_;
    std::string node_name_;
    std::vector<ProbedShapes> shapes_;  // by ValueId
    std::set<std::string, std::less<>> used_names_;
};

}  // namespace eigenbit::internal
