#include "engine/formats/onnx/export/formula.h"
#include "engine/formats/onnx/export/operators.h"
#include "engine/formats/onnx/layout.h"

#include <algorithm>
#include <array>
#include <limits>

namespace eigenbit::internal {
namespace {

void export_linear(const Activation& op, Formula formula) {
    const std::string x = formula.x();
    if (op.alpha == -1.0F && op.beta == 0.0F) {
        formula.result("Neg", {x});
    } else if (op.beta == 0.0F) {
        formula.result("Mul", {x, formula.number("factor", op.alpha)});
    } else {
        const std::string product =
            op.alpha == 1.0F ? x : formula.value("Mul", {x, formula.number("factor", op.alpha)});
        formula.result("Add", {product, formula.number("offset", op.beta)});
    }
}

void export_clip(const Activation& op, Formula formula) {
    constexpr float kLargest = std::numeric_limits<float>::max();
    std::vector<std::string> inputs{formula.x(), op.alpha != -kLargest ? formula.number("min", op.alpha) : ""};
    if (op.beta != kLargest) inputs.push_back(formula.number("max", op.beta));
    formula.result("Clip", inputs);
}

/// x · (1 + erf(x / √2)) / 2
void export_gelu(Formula formula) {
    const std::string x = formula.x();
    const std::string scaled = formula.value("Mul", {x, formula.number("factor", 0.707106781F)});
    const std::string share = formula.value("Add", {formula.value("Erf", {scaled}), formula.number("one", 1.0F)});
    formula.result("Mul", {formula.value("Mul", {x, share}), formula.number("half", 0.5F)});
}

/// x · (1 + tanh(√(2/π) · (x + 0.044715 · x³))) / 2
void export_gelu_tanh(Formula formula) {
    const std::string x = formula.x();
    const std::string cube = formula.value("Mul", {formula.value("Mul", {x, x}), x});
    const std::string sum = formula.value("Add", {formula.value("Mul", {cube, formula.number("cube", 0.044715F)}), x});
    const std::string scaled = formula.value("Mul", {sum, formula.number("factor", 0.797884561F)});
    const std::string share = formula.value("Add", {formula.value("Tanh", {scaled}), formula.number("one", 1.0F)});
    formula.result("Mul", {formula.value("Mul", {x, share}), formula.number("half", 0.5F)});
}

void export_op(const Activation& op, const Node& node, OnnxExport& file) {
    Formula formula(file, node);
    const auto plain = [&](std::string_view type) { formula.result(type, {formula.x()}); };
    const auto with_alpha = [&](std::string_view type) -> onnx::NodeProto& {
        onnx::NodeProto& result = formula.result(type, {formula.x()});
        set_attribute(result, "alpha", op.alpha);
        return result;
    };
    switch (op.kind) {
    case Activation::Kind::relu:
        return plain("Relu");
    case Activation::Kind::leaky_relu:
        with_alpha("LeakyRelu");
        return;
    case Activation::Kind::clip:
        return export_clip(op, formula);
    case Activation::Kind::linear:
        return export_linear(op, formula);
    case Activation::Kind::power:
        formula.result("Pow", {formula.x(), formula.number("exponent", op.alpha)});
        return;
    case Activation::Kind::elu:
        with_alpha("Elu");
        return;
    case Activation::Kind::selu:
        set_attribute(with_alpha("Selu"), "gamma", op.beta);
        return;
    case Activation::Kind::celu:
        with_alpha("Celu");
        return;
    case Activation::Kind::thresholded_relu:
        with_alpha("ThresholdedRelu");
        return;
    case Activation::Kind::sigmoid:
        return plain("Sigmoid");
    case Activation::Kind::tanh:
        return plain("Tanh");
    case Activation::Kind::hard_sigmoid:
        set_attribute(with_alpha("HardSigmoid"), "beta", op.beta);
        return;
    case Activation::Kind::hard_swish: {
        if (file.opset() >= 14) return plain("HardSwish");
        const std::string x = formula.x();
        onnx::NodeProto& share = formula.apply("HardSigmoid", {x});
        set_attribute(share, "alpha", 1.0F / 6.0F);
        set_attribute(share, "beta", 0.5F);
        formula.result("Mul", {x, share.output(0)});
        return;
    }
    case Activation::Kind::swish: {
        const std::string x = formula.x();
        const std::string scaled = op.alpha == 1.0F ? x : formula.value("Mul", {x, formula.number("factor", op.alpha)});
        formula.result("Mul", {x, formula.value("Sigmoid", {scaled})});
        return;
    }
    case Activation::Kind::mish: {
        if (file.opset() >= 18) return plain("Mish");
        const std::string x = formula.x();
        formula.result("Mul", {x, formula.value("Tanh", {formula.value("Softplus", {x})})});
        return;
    }
    case Activation::Kind::gelu:
        return file.opset() >= 20 ? plain("Gelu") : export_gelu(formula);
    case Activation::Kind::gelu_tanh:
        if (file.opset() < 20) return export_gelu_tanh(formula);
        set_attribute(formula.result("Gelu", {formula.x()}), "approximate", "tanh");
        return;
    case Activation::Kind::softplus:
        return plain("Softplus");
    case Activation::Kind::softsign:
        return plain("Softsign");
    case Activation::Kind::erf:
        return plain("Erf");
    case Activation::Kind::exp:
        return plain("Exp");
    case Activation::Kind::log:
        return plain("Log");
    case Activation::Kind::sqrt:
        return plain("Sqrt");
    case Activation::Kind::reciprocal:
        return plain("Reciprocal");
    case Activation::Kind::abs:
        return plain("Abs");
    case Activation::Kind::sign:
        return plain("Sign");
    case Activation::Kind::floor:
        return plain("Floor");
    case Activation::Kind::ceil:
        return plain("Ceil");
    case Activation::Kind::round:
        return plain("Round");
    case Activation::Kind::sin:
        return plain("Sin");
    case Activation::Kind::cos:
        return plain("Cos");
    }
}

void export_op(const Arithmetic& op, const Node& node, OnnxExport& file) {
    constexpr auto kTypes = std::to_array<std::string_view>(
        {"Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Equal", "Less", "LessOrEqual"});
    const std::string_view type = kTypes[static_cast<std::size_t>(op.kind)];
    const int rank = file.rank(node.outputs[0]);
    std::vector<std::string> inputs;
    for (const ValueId input : node.inputs) inputs.push_back(operand(file, node, input, rank));
    if (op.kind < Arithmetic::Kind::equal) {
        add_like(file, node, type, inputs);
        return;
    }
    const std::string truth = Formula(file, node).value(type, inputs);
    set_attribute(add_like(file, node, "Cast", {truth}), "to", std::int64_t{onnx::TensorProto::FLOAT});
}

void export_op(const Dropout& op, const Node& node, OnnxExport& file) {
    const std::string x = file.in_onnx_order(node.inputs[0]);
    add_like(file, node, "Dropout", {x, add_number(file, node.name + ".ratio", op.probability)});
}

void export_op(const PRelu&, const Node& node, OnnxExport& file) {
    const std::string x = file.in_onnx_order(node.inputs[0]);
    add_like(file, node, "PRelu", {x, operand(file, node, node.inputs[1], file.rank(node.inputs[0]))});
}

void export_op(const Reduce& op, const Node& node, OnnxExport& file) {
    const bool is_image = file.rank(node.inputs[0]) == 4;
    const bool is_global = is_image && op.keep_axes && op.axes == std::vector{1, 2};
    if (is_global && (op.kind == Reduce::Kind::mean || op.kind == Reduce::Kind::maximum)) {
        const bool is_mean = op.kind == Reduce::Kind::mean;
        add_like(file, node, is_mean ? "GlobalAveragePool" : "GlobalMaxPool", inputs_in_onnx_order(file, node));
        return;
    }
    Integers axes;
    for (const int axis : op.axes) axes.push_back(onnx_axis(axis, file.rank(node.inputs[0])));
    std::ranges::sort(axes);

    constexpr auto kTypes =
        std::to_array<std::string_view>({"ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1",
                                         "ReduceL2", "ReduceSumSquare", "ReduceLogSum", "ReduceLogSumExp"});
    std::vector<std::string> inputs = inputs_in_onnx_order(file, node);
    const bool by_input = op.kind == Reduce::Kind::sum || file.opset() >= 18;
    if (by_input) inputs.push_back(file.add_constant(node.name + ".axes", axes));
    onnx::NodeProto& result = file.add_node(kTypes[static_cast<std::size_t>(op.kind)], node.name, inputs);
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

void export_op(const Select&, const Node& node, OnnxExport& file) {
    const int rank = file.rank(node.outputs[0]);
    std::vector<std::string> inputs;
    for (const ValueId input : node.inputs) inputs.push_back(operand(file, node, input, rank));
    onnx::NodeProto& truth = Formula(file, node).apply("Cast", {inputs[0]});
    set_attribute(truth, "to", std::int64_t{onnx::TensorProto::BOOL});
    inputs[0] = truth.output(0);
    add_like(file, node, "Where", inputs);
}

void export_op(const Softmax& op, const Node& node, OnnxExport& file) {
    const std::int64_t axis = onnx_axis(op.axis, file.rank(node.inputs[0]));
    const std::string_view type = op.logarithm ? "LogSoftmax" : "Softmax";
    set_attribute(add_like(file, node, type, inputs_in_onnx_order(file, node)), "axis", axis);
}

}  // namespace

bool export_arithmetic(OnnxExport& file, const Node& node) {
    return visit_known(
        node, [&](const auto& op) requires requires { export_op(op, node, file); } { export_op(op, node, file); });
}

}  // namespace eigenbit::internal
