#include "engine/base/error.h"
#include "engine/formats/onnx/export/export.h"
#include "engine/formats/onnx/layout.h"
#include "engine/formats/onnx/shapes.h"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

namespace eigenbit::internal {
namespace {

using Integers = std::vector<std::int64_t>;

std::vector<std::string> inputs_in_onnx_order(OnnxExport& file, const Node& node) {
    std::vector<std::string> names;
    for (const ValueId input : node.inputs) names.push_back(file.in_onnx_order(input));
    return names;
}

/// Input, weight and bias of a layer.
std::vector<std::string> layer_inputs(OnnxExport& file, const Node& layer) {
    std::vector<std::string> names{file.in_onnx_order(layer.inputs[0]), file.layer_weight(layer)};
    if (const auto bias = input_of(layer, InputRole::bias)) names.push_back(file.in_onnx_order(*bias));
    return names;
}

/// A node that does the same to values in ONNX's order as ours does in our order.
onnx::NodeProto& add_like(OnnxExport& file, const Node& node, std::string_view type, std::vector<std::string> inputs) {
    onnx::NodeProto& result = file.add_node(type, node.name, std::move(inputs));
    file.define_in_onnx_order(node.outputs.front(), result.output(0));
    return result;
}

std::string add_number(OnnxExport& file, const std::string& name, float value) {
    return file.add_constant(name, Tensor(Shape{}, std::array{value}));
}

/// A list over our axes as a list over ONNX's.
Integers by_onnx_axis(const Integers& by_our_axis) {
    Integers result;
    const int rank = static_cast<int>(by_our_axis.size());
    for (int axis = 0; axis < rank; ++axis)
        result.push_back(by_our_axis[static_cast<std::size_t>(our_axis(axis, rank))]);
    return result;
}

void export_op(const Activation& op, const Node& node, OnnxExport& file) {
    std::vector<std::string> inputs{file.in_onnx_order(node.inputs[0])};
    switch (op.kind) {
    case Activation::Kind::relu:
        add_like(file, node, "Relu", inputs);
        break;
    case Activation::Kind::leaky_relu:
        set_attribute(add_like(file, node, "LeakyRelu", inputs), "alpha", op.slope);
        break;
    case Activation::Kind::sigmoid:
        add_like(file, node, "Sigmoid", inputs);
        break;
    case Activation::Kind::tanh:
        add_like(file, node, "Tanh", inputs);
        break;
    case Activation::Kind::clip: {
        const bool has_low = op.low != std::numeric_limits<float>::lowest();
        inputs.push_back(has_low ? add_number(file, node.name + ".min", op.low) : "");
        if (op.high != std::numeric_limits<float>::max()) {
            inputs.push_back(add_number(file, node.name + ".max", op.high));
        }
        add_like(file, node, "Clip", inputs);
    }
    }
}

/// An operand of a broadcast to this rank, in ONNX's order.
std::string operand(OnnxExport& file, const Node& node, ValueId value, int rank) {
    if (rank != 4) return file.in_our_order(value);
    if (file.rank(value) == 4) return file.in_onnx_order(value);
    const int missing = 4 - file.rank(value);
    if (file.graph().is_parameter(value)) {
        Tensor values = image(file.graph().parameter(value));
        values.reshape(with_leading_ones(values.shape(), 4));
        values = to_onnx_order(values);
        values.reshape(without_leading_ones(values.shape()));
        return file.add_constant(file.graph().name(value), values);
    }
    Integers axes(static_cast<std::size_t>(missing));
    std::iota(axes.begin(), axes.end(), std::int64_t{0});
    const std::string list = file.add_constant(node.name + ".axes", axes);
    const onnx::NodeProto& image =
        file.add_node("Unsqueeze", node.name + "/unsqueezed", {file.in_our_order(value), list});
    onnx::NodeProto& transpose = file.add_node("Transpose", node.name + "/transposed", {image.output(0)});
    set_attribute(transpose, "perm", Integers(kOurAxis.begin(), kOurAxis.end()));
    return transpose.output(0);
}

void export_op(const Arithmetic& op, const Node& node, OnnxExport& file) {
    constexpr std::array<std::string_view, 5> kTypes{"Add", "Sub", "Mul", "Div", "Pow"};
    const int rank = file.rank(node.outputs[0]);
    const std::string a = operand(file, node, node.inputs[0], rank);
    add_like(file, node, kTypes[static_cast<std::size_t>(op.kind)], {a, operand(file, node, node.inputs[1], rank)});
}

onnx::NodeProto& add_pool(OnnxExport& file, const Node& node, std::string_view type, const auto& op) {
    onnx::NodeProto& result = add_like(file, node, type, inputs_in_onnx_order(file, node));
    set_attribute(result, "kernel_shape", op.kernel);
    set_attribute(result, "strides", op.stride);
    set_attribute(result, "pads", op.padding);
    set_attribute(result, "ceil_mode", std::int64_t{op.ceil_mode});
    return result;
}

void export_op(const AveragePool& op, const Node& node, OnnxExport& file) {
    set_attribute(add_pool(file, node, "AveragePool", op), "count_include_pad", std::int64_t{op.count_padding});
}

void export_op(const MaxPool& op, const Node& node, OnnxExport& file) {
    set_attribute(add_pool(file, node, "MaxPool", op), "dilations", op.dilation);
}

void export_op(const BatchNormalization& op, const Node& node, OnnxExport& file) {
    // Channels are the last of our axes, and the second of ONNX's.
    std::vector<int> channels_second(static_cast<std::size_t>(file.rank(node.inputs[0])));
    std::iota(channels_second.begin(), channels_second.end(), 0);
    std::rotate(channels_second.begin() + 1, channels_second.end() - 1, channels_second.end());
    std::vector<std::string> inputs{file.in_order(node.inputs[0], channels_second)};
    for (std::size_t i = 1; i < node.inputs.size(); ++i) inputs.push_back(file.in_onnx_order(node.inputs[i]));
    onnx::NodeProto& result = file.add_node("BatchNormalization", node.name, inputs);
    set_attribute(result, "epsilon", op.epsilon);
    file.define(node.outputs[0], result.output(0), channels_second);
}

void export_op(const Concat& op, const Node& node, OnnxExport& file) {
    const std::int64_t axis = onnx_axis(op.axis, file.rank(node.outputs[0]));
    set_attribute(add_like(file, node, "Concat", inputs_in_onnx_order(file, node)), "axis", axis);
}

void export_op(const Conv& op, const Node& node, OnnxExport& file) {
    const Shape& weight = file.shapes(input_of(node, InputRole::weight).value()).front();
    onnx::NodeProto& result = add_like(file, node, "Conv", layer_inputs(file, node));
    set_attribute(result, "kernel_shape", std::array{weight[1], weight[2]});
    set_attribute(result, "strides", op.stride);
    set_attribute(result, "dilations", op.dilation);
    set_attribute(result, "pads", op.padding);
    set_attribute(result, "group", op.groups);
}

void export_op(const DepthToSpace& op, const Node& node, OnnxExport& file) {
    onnx::NodeProto& result = add_like(file, node, "DepthToSpace", inputs_in_onnx_order(file, node));
    set_attribute(result, "blocksize", op.block);
    set_attribute(result, "mode", op.order == DepthToSpace::Order::depth_first ? "DCR" : "CRD");
}

void export_op(const Dropout& op, const Node& node, OnnxExport& file) {
    const std::string x = file.in_onnx_order(node.inputs[0]);
    add_like(file, node, "Dropout", {x, add_number(file, node.name + ".ratio", op.probability)});
}

void export_op(const Gemm&, const Node& node, OnnxExport& file) {
    if (file.rank(node.inputs[0]) == 2) {
        set_attribute(add_like(file, node, "Gemm", layer_inputs(file, node)), "transB", std::int64_t{1});
        return;
    }
    const std::string x = file.in_our_order(node.inputs[0]);
    onnx::NodeProto& transposed = file.add_node("Transpose", node.name + "/weight", {file.layer_weight(node)});
    set_attribute(transposed, "perm", std::array<std::int64_t, 2>{1, 0});
    onnx::NodeProto* result = &file.add_node("MatMul", node.name, {x, transposed.output(0)});
    if (const auto bias = input_of(node, InputRole::bias)) {
        result = &file.add_node("Add", node.name + "/bias", {result->output(0), file.in_our_order(*bias)});
    }
    file.define_in_our_order(node.outputs[0], result->output(0));
}

void export_op(const MatMul&, const Node& node, OnnxExport& file) {
    const std::string a = file.in_our_order(node.inputs[0]);
    const onnx::NodeProto& result = file.add_node("MatMul", node.name, {a, file.in_our_order(node.inputs[1])});
    file.define_in_our_order(node.outputs[0], result.output(0));
}

void export_op(const Pad& op, const Node& node, OnnxExport& file) {
    constexpr std::array<std::string_view, 3> kModes{"constant", "reflect", "edge"};
    Integers pads = by_onnx_axis(op.before);
    const Integers after = by_onnx_axis(op.after);
    pads.insert(pads.end(), after.begin(), after.end());
    std::vector<std::string> inputs{file.in_onnx_order(node.inputs[0]), file.add_constant(node.name + ".pads", pads)};
    if (op.mode == Pad::Mode::constant) inputs.push_back(add_number(file, node.name + ".value", op.value));
    set_attribute(add_like(file, node, "Pad", inputs), "mode", kModes[static_cast<std::size_t>(op.mode)]);
}

void export_op(const PRelu&, const Node& node, OnnxExport& file) {
    const std::string x = file.in_onnx_order(node.inputs[0]);
    add_like(file, node, "PRelu", {x, operand(file, node, node.inputs[1], file.rank(node.inputs[0]))});
}

void export_op(const Reduce& op, const Node& node, OnnxExport& file) {
    const bool is_image = file.rank(node.inputs[0]) == 4;
    const bool is_mean = op.kind == Reduce::Kind::mean;
    if (is_image && is_mean && op.keep_axes && op.axes == std::vector{1, 2}) {
        add_like(file, node, "GlobalAveragePool", inputs_in_onnx_order(file, node));
        return;
    }
    Integers axes;
    for (const int axis : op.axes) axes.push_back(onnx_axis(axis, file.rank(node.inputs[0])));
    std::ranges::sort(axes);

    std::vector<std::string> inputs = inputs_in_onnx_order(file, node);
    const bool by_input = !is_mean || file.opset() >= 18;
    if (by_input) inputs.push_back(file.add_constant(node.name + ".axes", axes));
    onnx::NodeProto& result = file.add_node(is_mean ? "ReduceMean" : "ReduceSum", node.name, inputs);
    if (!by_input) set_attribute(result, "axes", axes);
    set_attribute(result, "keepdims", std::int64_t{op.keep_axes});
    if (op.keep_axes) {
        file.define_in_onnx_order(node.outputs[0], result.output(0));
    } else if (is_image) {
        file.define(node.outputs[0], result.output(0), remaining_to_onnx_order(op.axes));
    } else {
        file.define_in_our_order(node.outputs[0], result.output(0));
    }
}

/// Whether our graph itself reorders the axes of a value.
bool is_transposed(const Graph& graph, ValueId value) {
    return std::ranges::any_of(graph.nodes(), [&](const Node& node) {
        return std::holds_alternative<Transpose>(node.op) && node.inputs[0] == value;
    });
}

/// The target of a Reshape in the file, for extents of ours: some may be the input's of other axes.
std::string reshape_target(OnnxExport& file, const std::string& name, const std::string& input,
                           const Integers& extents) {
    if (std::ranges::all_of(extents, [](std::int64_t extent) { return extent >= -1; })) {
        return file.add_constant(name + ".shape", extents);
    }
    const std::string shape = file.add_node("Shape", name + "/shape", {input}).output(0);
    std::vector<std::string> parts;
    for (const std::int64_t extent : extents) {
        const Integers number{extent < -1 ? -2 - extent : extent};
        parts.push_back(file.add_constant(name + ".extent", number));
        if (extent < -1) parts.back() = file.add_node("Gather", name + "/extent", {shape, parts.back()}).output(0);
    }
    onnx::NodeProto& target = file.add_node("Concat", name + "/target", parts);
    set_attribute(target, "axis", std::int64_t{0});
    return target.output(0);
}

void export_op(const Reshape& op, const Node& node, OnnxExport& file) {
    const ValueId x = node.inputs[0];
    const ValueId y = node.outputs[0];
    // Images of one channel or one pixel need no transpose to lie in the other order.
    const bool free_input = file.rank(x) == 4 && same_order(file.shapes(x)) && !file.is_in_our_order(x);
    const bool free_output = file.rank(y) == 4 && same_order(file.shapes(y)) && !is_transposed(file.graph(), y);
    Integers extents = op.extents;
    if (free_input || free_output) {
        extents = reshape_extents(free_input ? to_onnx_order(file.shapes(x)) : file.shapes(x),
                                  free_output ? to_onnx_order(file.shapes(y)) : file.shapes(y));
    }
    const std::string name = free_input ? file.in_onnx_order(x) : file.in_our_order(x);
    const std::string target = reshape_target(file, node.name, name, extents);
    const onnx::NodeProto& result = file.add_node("Reshape", node.name, {name, target});
    if (free_output) {
        file.define_in_onnx_order(y, result.output(0));
    } else {
        file.define_in_our_order(y, result.output(0));
    }
}

void export_op(const Slice& op, const Node& node, OnnxExport& file) {
    Integers starts, ends, axes, steps;
    const int rank = file.rank(node.inputs[0]);
    for (int axis = 0; axis < rank; ++axis) {
        const Slice::Range& range = op.ranges[static_cast<std::size_t>(our_axis(axis, rank))];
        if (range.begin == 0 && range.end == std::numeric_limits<std::int64_t>::max() && range.step == 1) continue;
        starts.push_back(range.begin);
        ends.push_back(range.end);
        axes.push_back(axis);
        steps.push_back(range.step);
    }
    std::vector<std::string> inputs{file.in_onnx_order(node.inputs[0])};
    inputs.push_back(file.add_constant(node.name + ".starts", starts));
    inputs.push_back(file.add_constant(node.name + ".ends", ends));
    inputs.push_back(file.add_constant(node.name + ".axes", axes));
    inputs.push_back(file.add_constant(node.name + ".steps", steps));
    add_like(file, node, "Slice", inputs);
}

void export_op(const Softmax& op, const Node& node, OnnxExport& file) {
    const std::int64_t axis = onnx_axis(op.axis, file.rank(node.inputs[0]));
    set_attribute(add_like(file, node, "Softmax", inputs_in_onnx_order(file, node)), "axis", axis);
}

void export_op(const Split& op, const Node& node, OnnxExport& file) {
    const std::string x = file.in_onnx_order(node.inputs[0]);
    onnx::NodeProto& result = add_like(file, node, "Split", {x, file.add_constant(node.name + ".sizes", op.sizes)});
    set_attribute(result, "axis", std::int64_t{onnx_axis(op.axis, file.rank(node.inputs[0]))});
    for (std::size_t i = 1; i < node.outputs.size(); ++i) {
        result.add_output(file.new_name(file.graph().name(node.outputs[i])));
        file.define_in_onnx_order(node.outputs[i], result.output(static_cast<int>(i)));
    }
}

void export_op(const Transpose& op, const Node& node, OnnxExport& file) {
    file.define_transposed(node.outputs[0], node.inputs[0], op.permutation);
}

}  // namespace

void export_node(OnnxExport& file, const Node& node) {
    std::visit([&](const auto& op) { export_op(op, node, file); }, node.op);
}

}  // namespace eigenbit::internal
