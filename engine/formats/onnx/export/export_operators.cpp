#include "engine/base/error.h"
#include "engine/formats/onnx/export/export.h"
#include "engine/formats/onnx/layout.h"
#include "engine/formats/onnx/shapes.h"

#include <algorithm>
#include <array>
#include <cctype>
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

/// Throws Error unless the file has this opset or a later one, which has what the node needs.
void expect_opset(const OnnxExport& file, const Node& node, int opset, std::string_view what) {
    if (file.opset() < opset) fail("node '{}': opset {} does not have {}", node.name, file.opset(), what);
}

/// A list over our axes as a list over ONNX's.
Integers by_onnx_axis(const Integers& by_our_axis) {
    Integers result;
    const int rank = static_cast<int>(by_our_axis.size());
    for (int axis = 0; axis < rank; ++axis)
        result.push_back(by_our_axis[static_cast<std::size_t>(our_axis(axis, rank))]);
    return result;
}

/// Functions that are written as several of ONNX's: nodes that are named like ours, with what each does added.
class Formula {
  public:
    Formula(OnnxExport& file, const Node& node) : file_(file), node_(node) {}

    std::string x() { return file_.in_onnx_order(node_.inputs[0]); }
    std::string number(std::string_view name, float value) {
        return add_number(file_, fmt::format("{}.{}", node_.name, name), value);
    }
    onnx::NodeProto& apply(std::string_view type, std::vector<std::string> inputs) {
        return file_.add_node(type, fmt::format("{}/{}", node_.name, lower(type)), std::move(inputs));
    }
    std::string value(std::string_view type, std::vector<std::string> inputs) {
        return apply(type, std::move(inputs)).output(0);
    }
    /// The last one, which has the node's own name.
    onnx::NodeProto& result(std::string_view type, std::vector<std::string> inputs) {
        return add_like(file_, node_, type, std::move(inputs));
    }

  private:
    static std::string lower(std::string_view type) {
        std::string result(type);
        std::ranges::transform(result, result.begin(), [](unsigned char c) { return std::tolower(c); });
        return result;
    }

    OnnxExport& file_;
    const Node& node_;
};

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

void export_op(const MaxPool& op, const Node& node, OnnxExport& file) {
    set_attribute(add_pool(file, node, "MaxPool", op), "dilations", op.dilation);
}

/// Channels are the last of our axes, and the second of ONNX's.
std::vector<int> channels_second(int rank) {
    std::vector<int> order(static_cast<std::size_t>(rank));
    std::iota(order.begin(), order.end(), 0);
    std::rotate(order.begin() + 1, order.end() - 1, order.end());
    return order;
}

void export_op(const BatchNormalization& op, const Node& node, OnnxExport& file) {
    const std::vector<int> order = channels_second(file.rank(node.inputs[0]));
    std::vector<std::string> inputs{file.in_order(node.inputs[0], order)};
    for (std::size_t i = 1; i < node.inputs.size(); ++i) inputs.push_back(file.in_onnx_order(node.inputs[i]));
    onnx::NodeProto& result = file.add_node("BatchNormalization", node.name, inputs);
    set_attribute(result, "epsilon", op.epsilon);
    file.define(node.outputs[0], result.output(0), order);
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

/// The extents of a value of the file from one axis on to another.
std::string add_extents(OnnxExport& file, const Node& node, const std::string& value, std::int64_t begin,
                        std::int64_t end) {
    const std::string shape = file.add_node("Shape", node.name + "/shape", {value}).output(0);
    const std::string from = file.add_constant(node.name + ".begin", Integers{begin});
    const std::string to = file.add_constant(node.name + ".end", Integers{end});
    return file.add_node("Slice", node.name + "/extents", {shape, from, to}).output(0);
}

/// Reshapes a value of the file, whose extents are copied from any of its axes.
std::string add_reshape(OnnxExport& file, const Node& node, const std::string& value, const Integers& extents) {
    const auto is_copied = [](std::int64_t extent) { return extent < -1; };
    if (std::ranges::none_of(extents, is_copied)) {
        const std::string shape = file.add_constant(node.name + ".shape", extents);
        return file.add_node("Reshape", node.name, {value, shape}).output(0);
    }
    std::vector<std::string> parts;
    for (const std::int64_t extent : extents) {
        parts.push_back(is_copied(extent) ? add_extents(file, node, value, -2 - extent, -1 - extent)
                                          : file.add_constant(node.name + ".extent", Integers{extent}));
    }
    onnx::NodeProto& shape = file.add_node("Concat", node.name + "/shape", parts);
    set_attribute(shape, "axis", std::int64_t{0});
    return file.add_node("Reshape", node.name, {value, shape.output(0)}).output(0);
}

/// Blocks that are not square: a reshape to (N, C, b, w, H, W), or (N, b, w, C, H, W), a transpose, and reshapes that
/// join rows and columns one after the other, since a Reshape leaves one extent open.
void export_depth_to_rectangles(const DepthToSpace& op, const Node& node, OnnxExport& file) {
    const ProbedShapes x = to_onnx_order(file.shapes(node.inputs[0]));
    const ProbedShapes y = to_onnx_order(file.shapes(node.outputs[0]));
    const bool depth_first = op.order == DepthToSpace::Order::depth_first;
    ProbedShapes blocks, interleaved, joined_rows;
    for (std::size_t probe = 0; probe < x.size(); ++probe) {
        const auto [n, c, h, w] = std::array{x[probe][0], y[probe][1], x[probe][2], x[probe][3]};
        blocks.push_back(depth_first ? Shape{n, op.block, op.width(), c, h, w}
                                     : Shape{n, c, op.block, op.width(), h, w});
        interleaved.push_back({n, c, h, op.block, w, op.width()});
        joined_rows.push_back({n, c, h * op.block, w, op.width()});
    }
    const auto reshape = [&](const std::string& input, const ProbedShapes& from, const ProbedShapes& to) {
        return add_reshape(file, node, input, reshape_extents(from, to));
    };
    const std::string split = reshape(file.in_onnx_order(node.inputs[0]), x, blocks);
    onnx::NodeProto& transpose = file.add_node("Transpose", node.name + "/transposed", {split});
    set_attribute(transpose, "perm", depth_first ? Integers{0, 3, 4, 1, 5, 2} : Integers{0, 1, 4, 2, 5, 3});
    const std::string rows = reshape(transpose.output(0), interleaved, joined_rows);
    file.define_in_onnx_order(node.outputs[0], reshape(rows, joined_rows, y));
}

void export_op(const DepthToSpace& op, const Node& node, OnnxExport& file) {
    if (op.width() != op.block) return export_depth_to_rectangles(op, node, file);
    onnx::NodeProto& result = add_like(file, node, "DepthToSpace", inputs_in_onnx_order(file, node));
    set_attribute(result, "blocksize", op.block);
    set_attribute(result, "mode", op.order == DepthToSpace::Order::depth_first ? "DCR" : "CRD");
}

void export_op(const Dropout& op, const Node& node, OnnxExport& file) {
    const std::string x = file.in_onnx_order(node.inputs[0]);
    add_like(file, node, "Dropout", {x, add_number(file, node.name + ".ratio", op.probability)});
}

void export_op(const Gather& op, const Node& node, OnnxExport& file) {
    const std::string positions = file.add_constant(node.name + ".positions", op.positions);
    onnx::NodeProto& result = add_like(file, node, "Gather", {file.in_onnx_order(node.inputs[0]), positions});
    set_attribute(result, "axis", std::int64_t{onnx_axis(op.axis, file.rank(node.inputs[0]))});
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

void export_op(const LocalResponseNormalization& op, const Node& node, OnnxExport& file) {
    const std::vector<int> order = channels_second(file.rank(node.inputs[0]));
    onnx::NodeProto& result = file.add_node("LRN", node.name, {file.in_order(node.inputs[0], order)});
    set_attribute(result, "size", op.size);
    set_attribute(result, "alpha", op.alpha);
    set_attribute(result, "beta", op.beta);
    set_attribute(result, "bias", op.bias);
    file.define(node.outputs[0], result.output(0), order);
}

void export_op(const MatMul&, const Node& node, OnnxExport& file) {
    const std::string a = file.in_our_order(node.inputs[0]);
    const onnx::NodeProto& result = file.add_node("MatMul", node.name, {a, file.in_our_order(node.inputs[1])});
    file.define_in_our_order(node.outputs[0], result.output(0));
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

void export_op(const Pad& op, const Node& node, OnnxExport& file) {
    if (op.mode == Pad::Mode::wrap) expect_opset(file, node, 19, "padding that wraps around");
    constexpr std::array<std::string_view, 4> kModes{"constant", "reflect", "edge", "wrap"};
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

/// Whether our graph itself reorders the axes of a value.
bool is_transposed(const Graph& graph, ValueId value) {
    return std::ranges::any_of(graph.nodes(), [&](const Node& node) {
        return std::holds_alternative<Transpose>(node.op) && node.inputs[0] == value;
    });
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
    const std::string result = add_reshape(file, node, name, extents);
    if (free_output) {
        file.define_in_onnx_order(y, result);
    } else {
        file.define_in_our_order(y, result);
    }
}

void export_op(const Resize& op, const Node& node, OnnxExport& file) {
    constexpr std::array<std::string_view, 5> kCoordinates{"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel",
                                                           "align_corners", "asymmetric"};
    constexpr std::array<std::string_view, 4> kRoundings{"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"};
    if (op.coordinates == Resize::Coordinates::half_pixel_symmetric) {
        expect_opset(file, node, 19, "the coordinates half_pixel_symmetric");
    }
    const std::string x = file.in_onnx_order(node.inputs[0]);
    std::vector<std::string> inputs{x, "", ""};
    if (op.has_scales()) {
        inputs[2] = file.add_constant(node.name + ".scales",
                                      Tensor(Shape{4}, std::array{1.0F, 1.0F, op.height_scale, op.width_scale}));
    } else {
        const std::string size = node.inputs.size() > 1
                                     ? add_extents(file, node, file.in_onnx_order(node.inputs[1]), 2, 4)
                                     : file.add_constant(node.name + ".size", Integers(op.size.begin(), op.size.end()));
        const std::string others = add_extents(file, node, x, 0, 2);
        onnx::NodeProto& sizes = file.add_node("Concat", node.name + "/sizes", {others, size});
        set_attribute(sizes, "axis", std::int64_t{0});
        inputs.push_back(sizes.output(0));
    }
    onnx::NodeProto& result = add_like(file, node, "Resize", inputs);
    set_attribute(result, "mode", Resize::kModes[static_cast<std::size_t>(op.mode)]);
    set_attribute(result, "coordinate_transformation_mode", kCoordinates[static_cast<std::size_t>(op.coordinates)]);
    if (op.mode == Resize::Mode::nearest) {
        set_attribute(result, "nearest_mode", kRoundings[static_cast<std::size_t>(op.rounding)]);
    }
    if (op.mode == Resize::Mode::cubic) {
        set_attribute(result, "cubic_coeff_a", op.cubic_coefficient);
        set_attribute(result, "exclude_outside", std::int64_t{op.exclude_outside});
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
    const std::string_view type = op.logarithm ? "LogSoftmax" : "Softmax";
    set_attribute(add_like(file, node, type, inputs_in_onnx_order(file, node)), "axis", axis);
}

void export_op(const SpaceToDepth& op, const Node& node, OnnxExport& file) {
    set_attribute(add_like(file, node, "SpaceToDepth", inputs_in_onnx_order(file, node)), "blocksize", op.block);
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

void export_op(const Tile& op, const Node& node, OnnxExport& file) {
    const std::string repeats = file.add_constant(node.name + ".repeats", by_onnx_axis(op.repeats));
    add_like(file, node, "Tile", {file.in_onnx_order(node.inputs[0]), repeats});
}

void export_op(const Transpose& op, const Node& node, OnnxExport& file) {
    file.define_transposed(node.outputs[0], node.inputs[0], op.permutation);
}

}  // namespace

void export_node(OnnxExport& file, const Node& node) {
    std::visit([&](const auto& op) { export_op(op, node, file); }, node.op);
}

}  // namespace eigenbit::internal
