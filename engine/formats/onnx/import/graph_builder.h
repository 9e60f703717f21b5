#pragma once

#include "engine/formats/onnx/import/probes.h"
#include "engine/graph/graph.h"

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
    ValueId add(Operator op, std::vector<ValueId> inputs) { return add_named("", std::move(op), std::move(inputs)); }
    std::vector<ValueId> add(Operator op, std::vector<ValueId> inputs, int outputs);

    const ProbedShapes& shapes(ValueId value) const { return shapes_[static_cast<std::size_t>(value)]; }
    int rank(ValueId value) const { return shapes(value).front().rank(); }
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

    Graph finish(std::span<const ValueId> outputs);

  private:
    ValueId add_named(std::string_view suffix, Operator op, std::vector<ValueId> inputs);
    std::vector<ProbedShapes> infer(const Operator& op, std::span<const ValueId> inputs) const;
    std::string unique(std::string name);

    Graph graph_;
    std::string node_name_;
    std::vector<ProbedShapes> shapes_;  // by ValueId
    std::set<std::string, std::less<>> used_names_;
};

}  // namespace eigenbit::internal
