#include "engine/formats/onnx/export/operators.h"
#include "engine/formats/onnx/layout.h"

#include <algorithm>
#include <array>

namespace eigenbit::internal {
namespace {

/// Input, weight and bias of a layer.
std::vector<std::string> layer_inputs(OnnxExport& file, const Node& layer) {
    std::vector<std::string> names{file.in_onnx_order(layer.inputs[0]), file.layer_weight(layer)};
    if (const auto bias = input_of(layer, InputRole::bias)) names.push_back(file.in_onnx_order(*bias));
    return names;
}

void set_windows(onnx::NodeProto& node, const auto& pool) {
    set_attribute(node, "kernel_shape", pool.kernel);
    set_attribute(node, "strides", pool.stride);
    set_attribute(node, "pads", pool.padding);
}

void export_op(const AveragePool& op, const Node& node, OnnxExport& file) {
    onnx::NodeProto& result = add_like(file, node, "AveragePool", inputs_in_onnx_order(file, node));
    set_windows(result, op);
    set_attribute(result, "ceil_mode", std::int64_t{op.ceil_mode});
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

/// The MaxPool that a MaxUnpool goes back on, among the nodes of ours before it; null where there is none.
const Node* find_pool(const Graph& graph, const Node& unpool) {
    const MaxPool& pool = std::get<MaxUnpool>(unpool.op).pool;
    for (const Node& node : graph.nodes()) {
        if (node.outputs == unpool.outputs) return nullptr;
        const auto* const found = std::get_if<MaxPool>(&node.op);
        if (found != nullptr && *found == pool && node.inputs.front() == unpool.inputs[1]) return &node;
    }
    return nullptr;
}

onnx::NodeProto& add_max_pool(OnnxExport& file, const MaxPool& pool, const std::string& name, ValueId image) {
    onnx::NodeProto& result = file.add_node("MaxPool", name, {file.in_onnx_order(image)});
    set_windows(result, pool);
    set_attribute(result, "ceil_mode", std::int64_t{pool.ceil_mode});
    set_attribute(result, "dilations", pool.dilation);
    return result;
}

std::string add_indices(OnnxExport& file, onnx::NodeProto& max_pool) {
    max_pool.add_output(file.new_name(max_pool.name() + "/indices"));
    return max_pool.output(1);
}

void export_op(const MaxPool& op, const Node& node, OnnxExport& file) {
    onnx::NodeProto& result = add_max_pool(file, op, node.name, node.inputs.front());
    file.define_in_onnx_order(node.outputs.front(), result.output(0));
    const auto goes_back = [&](const Node& other) {
        return std::holds_alternative<MaxUnpool>(other.op) && find_pool(file.graph(), other) == &node;
    };
    if (std::ranges::none_of(file.graph().nodes(), goes_back)) return;
    file.define_indices(node.outputs.front(), add_indices(file, result));
}

void export_op(const MaxUnpool& op, const Node& node, OnnxExport& file) {
    const ValueId image = node.inputs[1];
    const Node* const pool = find_pool(file.graph(), node);
    std::vector<std::string> inputs{file.in_onnx_order(node.inputs[0])};
    inputs.push_back(pool != nullptr ? file.indices(pool->outputs.front())
                                     : add_indices(file, add_max_pool(file, op.pool, node.name + "/pool", image)));
    const ProbedShapes& pooled = file.shapes(node.inputs[0]);
    const auto extent = [&](std::size_t probe, std::size_t axis) {  // as ONNX infers it
        const MaxPool& p = op.pool;
        const std::int64_t steps = pooled[probe][static_cast<int>(axis) + 1] - 1;
        return steps * p.stride[axis] + p.kernel[axis] - p.padding[axis] - p.padding[axis + 2];
    };
    bool is_inferred = true;
    for (std::size_t probe = 0; probe < pooled.size(); ++probe) {
        const Shape& shape = file.shapes(image)[probe];
        is_inferred = is_inferred && shape[1] == extent(probe, 0) && shape[2] == extent(probe, 1);
    }
    if (!is_inferred) {
        inputs.push_back(file.add_node("Shape", node.name + "/size", {file.in_onnx_order(image)}).output(0));
    }
    set_windows(add_like(file, node, "MaxUnpool", inputs), op.pool);
}

}  // namespace

bool export_layer(OnnxExport& file, const Node& node) {
    return visit_known(
        node, [&](const auto& op) requires requires { export_op(op, node, file); } { export_op(op, node, file); });
}

}  // namespace eigenbit::internal
