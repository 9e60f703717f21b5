#include "engine/base/error.h"
#include "engine/formats/onnx/export/formula.h"
#include "engine/formats/onnx/export/operators.h"
#include "engine/formats/onnx/layout.h"

#include <algorithm>
#include <array>
#include <numeric>

namespace eigenbit::internal {
namespace {

/// Channels are the last of our axes, and the second of ONNX's.
std::vector<int> channels_second(int rank) {
    std::vector<int> order(static_cast<std::size_t>(rank));
    std::iota(order.begin(), order.end(), 0);
    std::rotate(order.begin() + 1, order.end() - 1, order.end());
    return order;
}

/// What a normalization of one number for each of `channels` multiplies by and adds: its parameters, or 1 and 0.
std::array<std::string, 2> scale_and_bias(OnnxExport& file, const Node& node, std::int64_t channels) {
    std::array<std::string, 2> names;
    for (std::size_t i = 0; i < 2; ++i) {
        if (node.inputs.size() > i + 1) {
            names[i] = file.in_onnx_order(node.inputs[i + 1]);
        } else {
            Tensor numbers(Shape{channels});
            std::ranges::fill(numbers.values(), i == 0 ? 1.0F : 0.0F);
            names[i] = file.add_constant(node.name + (i == 0 ? ".one" : ".zero"), numbers);
        }
    }
    return names;
}

/// Groups of channels are the channels of an instance normalization, as PyTorch writes them.
std::string grouped(const Normalization& op, const Node& node, OnnxExport& file, const std::string& x) {
    Formula formula(file, node);
    const std::string shape = formula.value("Shape", {x});
    const std::string groups = file.add_constant(node.name + ".groups", Integers{0, op.groups, -1});
    Node without = node;
    without.inputs.resize(1);
    const auto [one, zero] = scale_and_bias(file, without, op.groups);
    onnx::NodeProto& result =
        formula.apply("InstanceNormalization", {formula.value("Reshape", {x, groups}), one, zero});
    set_attribute(result, "epsilon", op.epsilon);
    return formula.value("Reshape", {result.output(0), shape});
}

/// (x − mean) / √(variance + epsilon)
std::string spelled_out(const Normalization& op, const Node& node, OnnxExport& file, const std::string& x) {
    Formula formula(file, node);
    Integers axes;
    for (const int axis : op.axes) axes.push_back(onnx_axis(axis, file.rank(node.inputs[0])));
    std::ranges::sort(axes);
    const auto mean = [&](const std::string& value) {
        if (file.opset() >= 18)
            return formula.value("ReduceMean", {value, file.add_constant(node.name + ".axes", axes)});
        onnx::NodeProto& result = formula.apply("ReduceMean", {value});
        set_attribute(result, "axes", axes);
        return result.output(0);
    };
    const std::string deviation = formula.value("Sub", {x, mean(x)});
    const std::string variance = mean(formula.value("Mul", {deviation, deviation}));
    const std::string sum = formula.value("Add", {variance, formula.number("epsilon", op.epsilon)});
    return formula.value("Div", {deviation, formula.value("Sqrt", {sum})});
}

void export_op(const BatchNormalization& op, const Node& node, OnnxExport& file) {
    const std::vector<int> order = channels_second(file.rank(node.inputs[0]));
    std::vector<std::string> inputs{file.in_order(node.inputs[0], order)};
    for (std::size_t i = 1; i < node.inputs.size(); ++i) inputs.push_back(file.in_onnx_order(node.inputs[i]));
    onnx::NodeProto& result = file.add_node("BatchNormalization", node.name, inputs);
    set_attribute(result, "epsilon", op.epsilon);
    file.define(node.outputs[0], result.output(0), order);
}

void export_op(const LocalResponseNormalization& op, const Node& node, OnnxExport& file) {
    const std::vector<int> order = channels_second(file.rank(node.inputs[0]));
    onnx::NodeProto& result = file.add_node("LRN", node.name, {file.in_order(node.inputs[0], order)});
    set_attribute(result, "size", op.size);
    set_attribute(result, "alpha", op.alpha);
    set_attribute(result, "beta", op.beta);
    set_attribute(result, "bias", op.bias);
    file.define(node.outputs[0], result.output(0), order);
}

void export_op(const Normalization& op, const Node& node, OnnxExport& file) {
    const int rank = file.rank(node.inputs[0]);
    const std::int64_t channels = file.shapes(node.inputs[0]).front().back();
    const auto is_of_channels = [&](ValueId parameter) { return file.shapes(parameter).front() == Shape{channels}; };
    const bool by_channel = std::all_of(node.inputs.begin() + 1, node.inputs.end(), is_of_channels);
    if (rank == 4 && op.groups == 1 && op.axes == std::vector{1, 2} && by_channel) {
        const auto [scale, bias] = scale_and_bias(file, node, channels);
        onnx::NodeProto& result =
            add_like(file, node, "InstanceNormalization", {file.in_onnx_order(node.inputs[0]), scale, bias});
        set_attribute(result, "epsilon", op.epsilon);
        return;
    }
    const bool is_image = rank == 4 && op.axes == std::vector{1, 2, 3};
    if (op.groups > 1 && !is_image) fail("groups of channels are written for images alone");
    const std::string x = file.in_onnx_order(node.inputs[0]);
    std::string y = op.groups > 1 ? grouped(op, node, file, x) : spelled_out(op, node, file, x);
    for (std::size_t i = 1; i < node.inputs.size(); ++i) {
        y = Formula(file, node).value(i == 1 ? "Mul" : "Add", {y, operand(file, node, node.inputs[i], rank)});
    }
    file.define_in_onnx_order(node.outputs[0], y);
}

}  // namespace

bool export_normalization(OnnxExport& file, const Node& node) {
    return visit_known(
        node, [&](const auto& op) requires requires { export_op(op, node, file); } { export_op(op, node, file); });
}

}  // namespace eigenbit::internal
