#pragma once

#include "engine/formats/onnx/import/graph_builder.h"
#include "engine/formats/onnx/node.h"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace eigenbit::internal {

/// Where a MaxPool found the maxima of an image.
struct Maxima {
    ValueId image;
    MaxPool pool;
    bool counts_columns_first;  ///< how its indices number the pixels
    /// What is known of them: the indices themselves, as MaxPool outputs them or in a row; those inside the plane of
    /// each image and channel; the indices of the first pixel of each plane.
    enum class Form { indices, in_a_row, inside_planes, of_first_pixels } form = Form::indices;
};

/// A value of the ONNX file during import: a constant, or an activation of the graph being built.
struct ImportedValue {
    std::vector<std::shared_ptr<const Constant>> constants;  ///< by probe, one object where they agree
    ValueId activation = -1;
    /// (H, W, C) of a matrix that was flattened from images and has its columns in this order, not in ONNX's (C, H, W):
    /// the fully-connected layer that follows reorders its weights instead.
    std::optional<Shape> columns;
    /// Of the indices of maxima: what they say, which MaxUnpool reads. Their activation, of the same shape, are the
    /// maxima.
    std::optional<Maxima> maxima{};

    bool is_constant() const { return !constants.empty(); }
    bool is_fixed() const;  ///< a constant that is the same at all probes
};

/// A sum over axes of images, which a division by the number of terms makes a mean.
struct SumOverAxes {
    ValueId summed;
    std::vector<int> axes;  ///< ours
    bool keep_axes;
};

/// A fully-connected layer whose weights do not fit the images that are flattened before it.
struct ColumnMisfit {
    Shape image;           ///< (H, W, C)
    std::int64_t columns;  ///< that the weights have
};

/// What QuantizeLinear outputs.
struct RoundedLevels {
    ValueId value;  ///< has the quantizer
    ActivationQuantizer quantizer;
    bool has_zero_point;  ///< that is not 0
};

/// What DynamicQuantizeLinear outputs, or what is computed of that: known for what it stands for, not by its values.
struct DynamicValue {
    enum class Kind { levels, scale, zero_point, product };

    Kind kind;
    std::string rounded;     ///< the value that is rounded while the network runs
    std::string factor{};    ///< of a scale: the constant that it is multiplied by, if there is one
    onnx::NodeProto node{};  ///< of a product: what multiplies the levels
};

/// A value as a function of single elements of another: what it is at a row of points (`import/elementwise.cpp`).
struct SampledFunction {
    ValueId source = -1;
    Tensor values;
};

/// All that is known while one file is imported.
struct ImportState {
    GraphBuilder graph;
    std::size_t probes = 0;
    std::int64_t opset = 0;
    std::optional<std::int64_t> declared_batch;  ///< where the file fixes it
    std::map<std::string, ImportedValue, std::less<>> values;
    std::map<std::string, int, std::less<>> readers;            ///< how many inputs and outputs name a value
    std::map<std::pair<std::string, int>, ValueId> parameters;  ///< by name and form
    std::map<ValueId, SumOverAxes> sums;
    std::map<std::string, std::vector<std::string>, std::less<>> sequences;  ///< names of values, by name
    std::set<std::string, std::less<>> channels_last;  ///< values that the file keeps as NHWC, see Declared
    std::set<const onnx::NodeProto*> reorders;
    std::optional<ColumnMisfit> misfit;
    std::map<std::string, RoundedLevels, std::less<>> levels;                  ///< by name
    std::map<std::string, DynamicValue, std::less<>> dynamic;                  ///< by name
    std::map<std::tuple<ValueId, int, float, std::int32_t>, ValueId> rounded;  ///< values, by what is rounded and how
    std::map<std::string, std::vector<float>, std::less<>> steps;              ///< of constants made of levels
    std::map<ValueId, std::vector<float>> parameter_steps;                     ///< the same for parameters
    std::map<ValueId, SampledFunction> functions;

    /// Whether one node alone reads the activation, under whatever name.
    bool is_read_once(ValueId activation) const;
    std::int64_t folded_elements = 0;                  ///< of all constants computed so far
    std::int64_t most_folded = std::int64_t{1} << 24;  ///< and how many are allowed, so that no small file fills memory
};

/// One ONNX node that is being translated: its attributes and constant inputs, its activations in our layout, and the
/// graph to add to.
class NodeImport {
  public:
    NodeImport(const onnx::NodeProto& proto, ImportState& state);

    GraphBuilder& graph() { return state_.graph; }
    ImportState& state() { return state_; }
    const onnx::NodeProto& proto() const { return proto_; }
    std::size_t probes() const { return at_.size(); }
    /// The node with the constants it has at one probe.
    const OnnxNode& at(std::size_t probe) const { return at_[probe]; }
    /// The node, whose constants must be the same at all probes. Throws Error where they are not.
    const OnnxNode& fixed() const;

    bool has_input(int index) const { return at_.front().has_input(index); }
    bool is_constant(int index) const { return imported(index).is_constant(); }
    const std::optional<Maxima>& maxima(int index) const { return imported(index).maxima; }
    const std::string& input_name(int index) const { return proto_.input(index); }
    /// Whether nothing but this node reads the activation, under whatever name.
    bool is_only_use(int index) const;

    /// The input in our layout; a constant becomes a parameter.
    ValueId value(int index);
    /// The input for an operator that treats all elements alike: columns may be in any order.
    ValueId unordered_value(int index);
    const std::optional<Shape>& columns(int index) const { return imported(index).columns; }
    /// A constant input as a parameter that broadcasts with our values of this rank.
    ValueId broadcast_parameter(int index, int rank);
    /// A constant of 3 dimensions as a parameter of 4, an image of height 1.
    ValueId row_parameter(int index);
    /// A matrix as a parameter in our order (output channels, input channels).
    ValueId weight_matrix(int index, bool output_channels_first, float factor, const std::optional<Shape>& columns);

    /// The input's shapes and rank in ONNX's order.
    ProbedShapes shapes(int index) const;
    /// The same, or in NHWC's where the file keeps the input as that.
    ProbedShapes file_shapes(int index) const;
    int rank(int index) const { return shapes(index).front().rank(); }

    void output(ValueId value, int index = 0);
    /// An output that holds the indices of these maxima.
    void output_maxima(ValueId value, const Maxima& maxima, int index);
    /// An output whose columns are in the same order as the input's.
    void output_like(int input, ValueId value);
    /// The output is the input itself.
    void output_input(int input);

  private:
    const ImportedValue& imported(int index) const;
    /// The same, as numbers: throws Error for indices of maxima.
    const ImportedValue& numbers(int index) const;
    ValueId materialized(ImportedValue& value);
    void note_steps(int index, ValueId parameter);
    /// A constant that broadcasts, where probes differ only in how often it is repeated along axes. Throws Error where
    /// they differ otherwise.
    Constant common_constant(int index) const;

    const onnx::NodeProto& proto_;
    ImportState& state_;
    std::vector<OnnxNode> at_;
};

}  // namespace eigenbit::internal
