#pragma once

#include "engine/formats/onnx/import/probes.h"
#include "engine/formats/onnx/layout.h"
#include "engine/formats/onnx/onnx.h"
#include "engine/graph/graph.h"

#include <onnx/onnx_pb.h>

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace eigenbit::internal {

/// An ONNX graph that is being written, value by value, from one of ours.
///
/// Each of our values is known as a transpose of a value of the file, which is only written down where an operator
/// needs it: so the transposes between the two layouts, and those that import has added, cancel.
class OnnxExport {
  public:
    OnnxExport(const Graph& graph, onnx::GraphProto& file, const OnnxWriteOptions& options);

    const Graph& graph() const { return graph_; }
    int opset() const { return options_.opset; }
    const ProbedShapes& shapes(ValueId value) const { return shapes_[static_cast<std::size_t>(value)]; }
    int rank(ValueId value) const { return shapes(value).front().rank(); }

    /// The name in the file of this value with its axes in this order (a permutation of ours), in ONNX's, or as they
    /// are.
    std::string in_order(ValueId value, std::span<const int> permutation);
    std::string in_onnx_order(ValueId value);
    std::string in_our_order(ValueId value);
    /// Whether a value of the file has our order, so that no transpose is needed.
    bool is_in_our_order(ValueId value) { return is_identity(locate(value).to_ours); }

    /// Adds a node and returns it; its first output has a new name made from this one.
    onnx::NodeProto& add_node(std::string_view type, std::string_view name, std::vector<std::string> inputs);
    /// Adds a constant and returns its name.
    std::string add_constant(std::string_view name, ConstView values);
    std::string add_constant(std::string_view name, std::span<const std::int64_t> values);
    /// The same as levels of this type, one or, of 4 bits, half a byte each.
    std::string add_levels(std::string_view name, onnx::TensorProto::DataType type, const Shape& shape,
                           std::span<const std::int16_t> levels);
    std::string new_name(std::string_view name);

    /// From now on our value is found under this name of the file, which has its axes in this order of ours.
    void define(ValueId value, const std::string& name, std::span<const int> permutation);
    void define_in_onnx_order(ValueId value, const std::string& name);
    void define_in_our_order(ValueId value, const std::string& name);
    /// Our value is a transpose of another one of ours.
    void define_transposed(ValueId value, ValueId source, std::span<const int> permutation);

    /// The name in the file of the indices of these maxima, once that is defined.
    const std::string& indices(ValueId maxima) const { return indices_.at(maxima); }
    void define_indices(ValueId maxima, std::string name) { indices_[maxima] = std::move(name); }

    std::string add_zero_point(std::string_view name, onnx::TensorProto::DataType type, std::int32_t value);
    /// The name in the file of a layer's weight, in ONNX's order and with the gains of its output channels multiplied
    /// in.
    std::string layer_weight(const Node& layer);

    /// Rounds a value by its quantizer, if it has one: QuantizeLinear and DequantizeLinear where the opset has their
    /// type.
    void add_rounding(ValueId value);

    void add_inputs();
    void add_outputs();

  private:
    /// `base` with its axes permuted gives our value.
    struct Location {
        std::string base;
        std::vector<int> to_ours;
    };

    const Location& locate(ValueId value);
    std::string add_weight(ValueId value, const std::optional<Tensor>& gain);
    /// The weight plus a zero of 8 bits: ONNX Runtime's optimization WeightBiasQuantization rounds constant weights of
    /// layers between quantized values to 8 bits, by one step for all channels, but not those that it sees computed.
    std::string add_kept_float(const std::string& weight);
    void describe(onnx::ValueInfoProto& info, ValueId value) const;
    /// Gives an output that a node computes our name of it, unless an input or another output has that; an inner value
    /// that has it gets a new one.
    void name_output(onnx::ValueInfoProto& output, const std::string& name);

    const Graph& graph_;
    onnx::GraphProto& file_;
    OnnxWriteOptions options_;
    std::vector<ProbedShapes> shapes_;  // by ValueId
    std::map<ValueId, Location> locations_;
    std::map<std::pair<std::string, std::vector<int>>, std::string> transposes_;  // of bases, already in the file
    std::map<ValueId, std::string> indices_;                                      // by the maxima
    std::set<std::string, std::less<>> names_;
};

/// Adds the nodes that do what this node of ours does.
void export_node(OnnxExport& file, const Node& node);

void set_attribute(onnx::NodeProto& node, std::string_view name, std::int64_t value);
void set_attribute(onnx::NodeProto& node, std::string_view name, float value);
void set_attribute(onnx::NodeProto& node, std::string_view name, std::string_view value);
void set_attribute(onnx::NodeProto& node, std::string_view name, std::span<const std::int64_t> values);

}  // namespace eigenbit::internal
