#include "engine/formats/onnx/export/operators.h"
#include "engine/formats/onnx/layout.h"

#include <array>

namespace eigenbit::internal {
namespace {

/// Input, weight and bias of a layer.
std::vector<std::string> layer_inputs(OnnxExport& file, const Node& layer) {
    std::vector<std::string> names{file.in_onnx_order(layer.inputs[0]), file.layer_weight(layer)};
    if (const auto bias = input_of(layer, InputRole::bias)) names.push_back(file.in_onnx_order(*bias));
    return names;
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
    onnx::NodeProto& result = add_pool(file, node, "AveragePool", op);
    set_attribute(result, "count_include_pad", std::int64_t{op.count_padding});
    if (op.dilation == std::array<std::int64_t, 2>{1, 1}) return;
    expect_opset(file, node, 19, "a mean over a dilated window");
    set_attribute(result, "dilations", op.dilation);
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

void export_op(const MaxPool& op, const Node& node, OnnxExport& file) {
    set_attribute(add_pool(file, node, "MaxPool", op), "dilations", op.dilation);
}

}  // namespace

bool export_layer(OnnxExport& file, const Node& node) {
    return visit_known(
        node, [&](const auto& op) requires requires { export_op(op, node, file); } { export_op(op, node, file); });
}

}  // namespace eigenbit::internal
