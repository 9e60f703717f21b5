#include "engine/base/error.h"
#include "engine/formats/onnx/import/operators.h"
#include "engine/formats/onnx/layout.h"
#include "engine/formats/onnx/shapes.h"

#include <algorithm>
#include <array>
#include <numeric>

namespace eigenbit::internal {
namespace {

using Pair = std::array<std::int64_t, 2>;
using Padding = std::array<std::int64_t, 4>;

ValueId image(NodeImport& node, int input) {
    if (node.rank(input) != 4) {
        fail("input {} has shape {}; only images, with 4 dimensions, are supported", input,
             to_string(node.shapes(input).front()));
    }
    return node.value(input);
}

Pair pair_attribute(const OnnxNode& node, std::string_view name) {
    const auto values = node.integers(name);
    if (!values) return {1, 1};
    if (values->size() != 2) fail("attribute '{}' has {} values, 2 were expected", name, values->size());
    for (const std::int64_t value : *values) {
        if (value < 1 || value > (1 << 24)) fail("attribute '{}' has the value {}", name, value);
    }
    return {(*values)[0], (*values)[1]};
}

/// The padding that makes the output ⌈input / stride⌉ large; an odd pixel goes before or after.
Padding same_padding(const Shape& input, Pair kernel, Pair stride, Pair dilation, bool odd_pixel_before) {
    Padding padding{};
    for (std::size_t i = 0; i < 2; ++i) {
        const std::int64_t extent = input[static_cast<int>(i) + 2];
        const std::int64_t outputs = (extent + stride[i] - 1) / stride[i];
        const std::int64_t kernel_span = (kernel[i] - 1) * dilation[i] + 1;
        const std::int64_t total = std::max<std::int64_t>((outputs - 1) * stride[i] + kernel_span - extent, 0);
        padding[i] = odd_pixel_before ? total - total / 2 : total / 2;
        padding[i + 2] = total - padding[i];
    }
    return padding;
}

Padding read_padding(const NodeImport& node, Pair kernel, Pair stride, Pair dilation) {
    const OnnxNode& attributes = node.at(0);
    const std::string automatic = attributes.text("auto_pad").value_or("NOTSET");
    if (automatic == "VALID") return {};
    if (automatic == "SAME_UPPER" || automatic == "SAME_LOWER") {
        const ProbedShapes shapes = node.shapes(0);
        const auto padding = [&](const Shape& shape) {
            return same_padding(shape, kernel, stride, dilation, automatic == "SAME_LOWER");
        };
        const Padding first = padding(shapes.front());
        if (!std::ranges::all_of(shapes, [&](const Shape& shape) { return padding(shape) == first; })) {
            fail("its padding depends on the image size");
        }
        return first;
    }
    if (automatic != "NOTSET" && !automatic.empty()) fail("auto_pad is '{}'", automatic);
    const auto pads = attributes.integers("pads");
    if (!pads) return {};
    if (pads->size() != 4) fail("attribute 'pads' has {} values, 4 were expected", pads->size());
    Padding padding{};
    for (std::size_t i = 0; i < 4; ++i) {
        if ((*pads)[i] < 0 || (*pads)[i] > (1 << 24)) fail("attribute 'pads' has the value {}", (*pads)[i]);
        padding[i] = (*pads)[i];
    }
    return padding;
}

/// Lets a convolution that reads a zero padding of height and width do it itself.
ValueId absorb_padding(GraphBuilder& graph, ValueId value, Padding& padding) {
    const Node* producer = graph.producer(value);
    const auto* pad = producer == nullptr ? nullptr : std::get_if<Pad>(&producer->op);
    if (pad == nullptr || pad->mode != Pad::Mode::constant || pad->value != 0.0F) return value;
    if (pad->before[0] + pad->after[0] + pad->before[3] + pad->after[3] != 0) return value;
    for (std::size_t i = 0; i < 2; ++i) {
        padding[i] += pad->before[i + 1];
        padding[i + 2] += pad->after[i + 1];
    }
    return producer->inputs.front();
}

void import_conv(NodeImport& node) {
    const OnnxNode& attributes = node.fixed();
    ValueId x = image(node, 0);
    if (node.rank(1) != 4) {
        fail("weights have shape {}; only two-dimensional convolutions are supported",
             to_string(node.shapes(1).front()));
    }
    const Shape weight = node.shapes(1).front();
    const Pair kernel{weight[2], weight[3]};
    if (attributes.integers("kernel_shape") && pair_attribute(attributes, "kernel_shape") != kernel) {
        fail("attribute 'kernel_shape' does not fit weights {}", to_string(weight));
    }
    Conv conv;
    conv.stride = pair_attribute(attributes, "strides");
    conv.dilation = pair_attribute(attributes, "dilations");
    conv.groups = attributes.integer("group").value_or(1);
    conv.padding = read_padding(node, kernel, conv.stride, conv.dilation);
    x = absorb_padding(node.graph(), x, conv.padding);
    std::vector<ValueId> inputs{x, node.value(1)};
    if (node.has_input(2)) inputs.push_back(node.value(2));
    node.output(node.graph().add(conv, inputs));
}

/// What all pooling operators have: input 0 is to be an image.
template <typename Pool>
void import_pool(NodeImport& node, Pool pool, Pair dilation) {
    const OnnxNode& attributes = node.fixed();
    if (!attributes.integers("kernel_shape")) fail("attribute 'kernel_shape' is missing");
    pool.kernel = pair_attribute(attributes, "kernel_shape");
    pool.stride = pair_attribute(attributes, "strides");
    pool.ceil_mode = attributes.integer("ceil_mode").value_or(0) != 0;
    const ValueId x = image(node, 0);
    pool.padding = read_padding(node, pool.kernel, pool.stride, dilation);
    node.output(node.graph().add(pool, {x}));
}

void import_max_pool(NodeImport& node) {
    const Pair dilation = pair_attribute(node.fixed(), "dilations");
    import_pool(node, MaxPool{.dilation = dilation}, dilation);
}

void import_average_pool(NodeImport& node) {
    if (pair_attribute(node.fixed(), "dilations") != Pair{1, 1}) fail("dilated windows are not supported");
    const bool count_padding = node.fixed().integer("count_include_pad").value_or(0) != 0;
    import_pool(node, AveragePool{.count_padding = count_padding}, {1, 1});
}

void import_global_average_pool(NodeImport& node) {
    const ValueId x = image(node, 0);
    node.output(node.graph().add(Reduce{Reduce::Kind::mean, {1, 2}, true}, {x}));
}

void import_global_max_pool(NodeImport& node) {
    const ValueId x = image(node, 0);
    const ProbedShapes& shapes = node.graph().shapes(x);
    MaxPool pool;
    pool.kernel = {fixed_extent(shapes, 1), fixed_extent(shapes, 2)};
    if (pool.kernel[0] == 0 || pool.kernel[1] == 0) fail("its window depends on the image size");
    node.output(node.graph().add(pool, {x}));
}

[[noreturn]] void refuse_training_mode() { fail("it was exported in training mode: export with model.eval()"); }

void import_batch_normalization(NodeImport& node) {
    // Before opset 14 further outputs, those of batch statistics, say so.
    const auto& outputs = node.proto().output();
    if (node.fixed().integer("training_mode").value_or(0) != 0
        || std::any_of(outputs.begin() + 1, outputs.end(), [](const std::string& name) { return !name.empty(); })) {
        refuse_training_mode();
    }
    const ValueId x = node.value(0);
    GraphBuilder& graph = node.graph();
    // Channels come last in our images and in matrices; elsewhere they are put there and back.
    const int rank = graph.rank(x);
    if (rank < 2) fail("input 0 has shape {}, which has no channels", to_string(graph.shapes(x).front()));
    std::vector<int> channels_last(static_cast<std::size_t>(rank));
    std::iota(channels_last.begin(), channels_last.end(), 0);
    std::vector<int> back = channels_last;
    if (rank != 4) {
        std::rotate(channels_last.begin() + 1, channels_last.begin() + 2, channels_last.end());
        std::rotate(back.begin() + 1, back.end() - 1, back.end());
    }
    std::vector<ValueId> inputs{graph.transpose(x, channels_last, "/layout")};
    for (int input = 1; input < 5; ++input) inputs.push_back(node.value(input));
    const BatchNormalization normalization{.epsilon = node.fixed().real("epsilon").value_or(1e-5F)};
    node.output(graph.transpose(graph.add(normalization, inputs), back, "/layout"));
}

/// A constant added to every row of a matrix with this many columns, times a factor, as a bias.
ValueId row_bias(NodeImport& node, int input, std::int64_t outputs, float factor) {
    const Constant& constant = node.fixed().constant(input);
    const Shape& shape = constant.shape;
    if (shape.elements() != 1 && (shape.elements() != outputs || shape[shape.rank() - 1] != outputs)) {
        fail("the bias has shape {}, ({}) was expected", to_string(shape), outputs);
    }
    if (factor == 1.0F && shape == Shape{outputs}) return node.value(input);
    Tensor bias(Shape{outputs});
    for (std::int64_t i = 0; i < outputs; ++i) {
        bias[i] = factor * constant.reals()[static_cast<std::size_t>(shape.elements() == 1 ? 0 : i)];
    }
    return node.graph().add_parameter(node.input_name(input), std::move(bias));
}

ValueId scaled(NodeImport& node, ValueId value, float factor) {
    if (factor == 1.0F) return value;
    const ValueId parameter =
        node.graph().add_parameter(node.graph().node_name() + ".factor", Tensor(Shape{1}, std::array{factor}));
    return node.graph().add(Arithmetic{Arithmetic::Kind::multiply}, {value, parameter});
}

void import_gemm(NodeImport& node) {
    const OnnxNode& attributes = node.fixed();
    GraphBuilder& graph = node.graph();
    if (node.rank(0) != 2) fail("input 0 has shape {}, a matrix was expected", to_string(node.shapes(0).front()));
    const bool a_transposed = attributes.integer("transA").value_or(0) != 0;
    const bool b_transposed = attributes.integer("transB").value_or(0) != 0;
    const float alpha = attributes.real("alpha").value_or(1.0F);
    const float beta = attributes.real("beta").value_or(1.0F);
    const bool is_layer = node.is_constant(1);
    const bool has_constant_bias = node.has_input(2) && node.is_constant(2);

    const auto columns = is_layer && !a_transposed && !node.is_constant(0) ? node.columns(0) : std::nullopt;
    ValueId a = columns ? node.unordered_value(0) : node.value(0);
    if (a_transposed) a = graph.transpose(a, {1, 0});

    ValueId product;
    if (is_layer) {
        std::vector<ValueId> inputs{a, node.weight_matrix(1, b_transposed, alpha, columns)};
        if (has_constant_bias) inputs.push_back(row_bias(node, 2, graph.shapes(inputs[1]).front()[0], beta));
        product = graph.add(Gemm{}, inputs);
    } else {
        const ValueId b = b_transposed ? graph.transpose(node.value(1), {1, 0}) : node.value(1);
        product = scaled(node, graph.add(MatMul{}, {a, b}), alpha);
        if (has_constant_bias) {
            const ValueId bias = row_bias(node, 2, graph.shapes(product).front()[1], beta);
            product = graph.add(Arithmetic{Arithmetic::Kind::add}, {product, bias});
        }
    }
    if (node.has_input(2) && !has_constant_bias) {
        product = graph.add(Arithmetic{Arithmetic::Kind::add}, {product, scaled(node, node.value(2), beta)});
    }
    node.output(product);
}

void import_matmul(NodeImport& node) {
    GraphBuilder& graph = node.graph();
    if (node.rank(0) < 2 || node.rank(1) < 2) {
        fail("products with vectors are not supported: the inputs have shapes {} and {}",
             to_string(node.shapes(0).front()), to_string(node.shapes(1).front()));
    }
    if (!node.is_constant(1) || node.rank(1) != 2) {
        const ValueId a = graph.in_onnx_order(node.value(0));
        return node.output(graph.from_onnx_order(graph.add(MatMul{}, {a, graph.in_onnx_order(node.value(1))})));
    }
    const auto columns = node.is_constant(0) ? std::nullopt : node.columns(0);
    const ValueId a = columns ? node.unordered_value(0) : graph.in_onnx_order(node.value(0));
    const ValueId weights = node.weight_matrix(1, false, 1.0F, columns);
    node.output(graph.from_onnx_order(graph.add(Gemm{}, {a, weights})));
}

void import_softmax(NodeImport& node) {
    const OnnxNode& attributes = node.fixed();
    GraphBuilder& graph = node.graph();
    const int rank = node.rank(0);
    const bool one_axis = attributes.opset >= 13;
    const int axis = normalized_axis(attributes.integer("axis").value_or(one_axis ? -1 : 1), rank);
    const ProbedShapes shapes = node.shapes(0);
    const auto rest_is_one = [&](const Shape& shape) { return shape.elements(axis + 1, rank) == 1; };
    if (one_axis || std::ranges::all_of(shapes, rest_is_one)) {
        return node.output(graph.add(Softmax{our_axis(axis, rank)}, {node.value(0)}));
    }
    // Before opset 13 the axes from this one on are normalised together.
    ProbedShapes matrices;
    for (const Shape& shape : shapes) matrices.push_back({shape.elements(0, axis), shape.elements(axis, rank)});
    const ValueId matrix = graph.onnx_reshape(node.value(0), matrices);
    node.output(graph.onnx_reshape(graph.add(Softmax{1}, {matrix}), shapes));
}

void import_dropout(NodeImport& node) {
    if (node.has_input(2) && node.fixed().constant(2).integers() != std::vector<std::int64_t>{0}) {
        refuse_training_mode();
    }
    const Dropout dropout{.probability = node.fixed().real("ratio", 1).value_or(0.5F)};
    if (!(dropout.probability >= 0.0F && dropout.probability < 1.0F)) {
        fail("the ratio is {}, at least 0 and less than 1 was expected", dropout.probability);
    }
    node.output_like(0, node.graph().add(dropout, {node.unordered_value(0)}));
}

}  // namespace

const ImportTable& layer_imports() {
    static const ImportTable table = {
        {"AveragePool", import_average_pool},
        {"BatchNormalization", import_batch_normalization},
        {"Conv", import_conv},
        {"Dropout", import_dropout},
        {"Gemm", import_gemm},
        {"GlobalAveragePool", import_global_average_pool},
        {"GlobalMaxPool", import_global_max_pool},
        {"MatMul", import_matmul},
        {"MaxPool", import_max_pool},
        {"Softmax", import_softmax},
    };
    return table;
}

}  // namespace eigenbit::internal
