#include "engine/base/error.h"
#include "engine/formats/onnx/fold/arithmetic.h"
#include "engine/formats/onnx/import/interleaved.h"
#include "engine/formats/onnx/import/operators.h"
#include "engine/formats/onnx/import/spatial.h"
#include "engine/formats/onnx/layout.h"
#include "engine/formats/onnx/shapes.h"

#include <algorithm>
#include <array>
#include <numeric>

namespace eigenbit::internal {
namespace {

using Pair = SpatialNode::Pair;
using Padding = SpatialNode::Padding;

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
    SpatialNode spatial(node);
    const ValueId weights = spatial.image(1);
    const Shape weight = node.graph().shapes(weights).front();
    const Pair kernel{weight[1], weight[2]};
    if (const auto given = spatial.find_pair("kernel_shape"); given && *given != kernel) {
        fail("attribute 'kernel_shape' does not fit weights {}", to_string(node.shapes(1).front()));
    }
    Conv conv;
    conv.stride = spatial.pair("strides");
    conv.dilation = spatial.pair("dilations");
    conv.groups = attributes.integer("group").value_or(1);
    conv.padding = spatial.padding(kernel, conv.stride, conv.dilation);
    const ValueId x = absorb_padding(node.graph(), spatial.image(), conv.padding);
    std::vector<ValueId> inputs{x, weights};
    if (node.has_input(2)) inputs.push_back(node.value(2));
    spatial.output(node.graph().add(conv, inputs));
}

/// What all pooling operators have.
template <typename Pool>
Pool read_pool(SpatialNode& spatial, const OnnxNode& attributes, Pool pool) {
    const auto kernel = spatial.find_pair("kernel_shape");
    if (!kernel) fail("attribute 'kernel_shape' is missing");
    pool.kernel = *kernel;
    pool.stride = spatial.pair("strides");
    pool.dilation = spatial.pair("dilations");
    pool.ceil_mode = attributes.integer("ceil_mode").value_or(0) != 0;
    pool.padding = spatial.padding(pool.kernel, pool.stride, pool.dilation);
    return pool;
}

void import_max_pool(NodeImport& node) {
    SpatialNode spatial(node);
    const MaxPool pool = read_pool(spatial, node.fixed(), MaxPool{});
    const ValueId image = spatial.image();
    const ValueId pooled = node.graph().add(pool, {image});
    spatial.output(pooled);
    const bool counts_columns_first = node.fixed().integer("storage_order").value_or(0) != 0;
    node.output_maxima(pooled, {image, pool, counts_columns_first}, 1);
}

/// The shape that MaxUnpool outputs at one probe, of the inferred one: the same with another height and width.
Shape unpooled_shape(NodeImport& node, const Shape& inferred, std::size_t probe) {
    if (!node.has_input(2)) return inferred;
    const std::vector<std::int64_t>& given = node.at(probe).constant(2).integers();
    const auto rank = static_cast<std::size_t>(node.rank(0));
    if (given.size() != rank) fail("it is to output {} dimensions, {} were expected", given.size(), rank);
    return {inferred[0], inferred[1], rank == 4 ? given[2] : 1, given.back()};
}

/// Puts values at constant places of all that is output: gathers them, and the zero put behind them.
ValueId unpooled_at_constants(NodeImport& node, const ProbedShapes& targets) {
    GraphBuilder& graph = node.graph();
    const Constant& indices = node.fixed().constant(1);
    const std::int64_t count = indices.shape.elements();
    const std::int64_t outputs = targets.front().elements();
    for (const Shape& shape : node.shapes(0)) {
        if (shape == indices.shape) continue;
        fail("it has indices of {} for values of {}", to_string(indices.shape), to_string(shape));
    }
    std::vector<std::int64_t> positions(static_cast<std::size_t>(outputs), count);
    for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t index = indices.integers()[static_cast<std::size_t>(i)];
        if (index < 0 || index >= outputs) fail("index {} is outside {} values", index, outputs);
        positions[static_cast<std::size_t>(index)] = i;
    }
    const ValueId values = graph.onnx_reshape(node.value(0), ProbedShapes(targets.size(), Shape{count}));
    const ValueId gathered = graph.add(Gather{0, std::move(positions)}, {graph.add(Pad{{0}, {1}}, {values})});
    return graph.onnx_reshape(gathered, targets);
}

void import_max_unpool(NodeImport& node) {
    SpatialNode spatial(node);
    const MaxPool pool = read_pool(spatial, node.at(0), MaxPool{});
    const std::optional<Maxima> maxima = node.maxima(1);
    if (!maxima && !node.is_constant(1)) fail("input 1 ('{}') are no indices of a MaxPool", node.input_name(1));
    if (maxima && maxima->form != Maxima::Form::indices)
        fail("input 1 ('{}') are no whole indices", node.input_name(1));
    if (maxima && maxima->counts_columns_first) fail("its indices go down the columns first, which is not supported");
    ProbedShapes inferred = spatial.shapes();
    ProbedShapes known;  // what the indices are of
    for (std::size_t probe = 0; probe < inferred.size(); ++probe) {
        for (std::size_t axis = 0; axis < 2; ++axis) {
            std::int64_t& extent = inferred[probe][static_cast<int>(axis) + 2];
            extent = (extent - 1) * pool.stride[axis] + pool.kernel[axis] - pool.padding[axis] - pool.padding[axis + 2];
        }
        known.push_back(maxima ? to_onnx_order(node.graph().shapes(maxima->image)[probe]) : inferred[probe]);
        const Shape asked_for = unpooled_shape(node, inferred[probe], probe);
        if (asked_for == known[probe]) continue;
        fail("it outputs {}, but its indices are those of {}", to_string(asked_for), to_string(known[probe]));
    }
    if (!maxima) return spatial.output(unpooled_at_constants(node, known));
    spatial.output(node.graph().add(MaxUnpool{maxima->pool}, {spatial.image(), maxima->image}));
}

/// A pool over the depth of volumes (N, C, D, H, W) alone, as a pool of images (N, C, D, H · W).
void import_depth_pool(NodeImport& node, bool count_padding) {
    const OnnxNode& attributes = node.fixed();
    const auto only_along_depth = [&](std::string_view name, std::size_t count, std::int64_t elsewhere) {
        auto values = attributes.integers(name).value_or(std::vector<std::int64_t>(count, elsewhere));
        if (values.size() != count) fail("attribute '{}' has {} values, {} were expected", name, values.size(), count);
        for (std::size_t i = 0; i < count; ++i) {
            if (i % 3 != 0 && values[i] != elsewhere) fail("pools over three dimensions are not supported");
            if (values[i] < elsewhere || values[i] > (1 << 24))
                fail("attribute '{}' has the value {}", name, values[i]);
        }
        return values;
    };
    const auto pads = only_along_depth("pads", 6, 0);
    if (attributes.text("auto_pad").value_or("NOTSET") != "NOTSET") fail("auto_pad is not supported");
    const AveragePool pool{.kernel{only_along_depth("kernel_shape", 3, 1)[0], 1},
                           .stride{only_along_depth("strides", 3, 1)[0], 1},
                           .padding{pads[0], 0, pads[3], 0},
                           .ceil_mode = attributes.integer("ceil_mode").value_or(0) != 0,
                           .count_padding = count_padding,
                           .dilation{only_along_depth("dilations", 3, 1)[0], 1}};
    GraphBuilder& graph = node.graph();
    const ProbedShapes volumes = node.shapes(0);
    ProbedShapes images;
    for (const Shape& shape : volumes) images.push_back({shape[0], shape[1], shape[2], shape[3] * shape[4]});
    const ValueId pooled = graph.add(pool, {graph.onnx_reshape(node.value(0), images)});
    ProbedShapes targets = volumes;
    for (std::size_t probe = 0; probe < targets.size(); ++probe) targets[probe][2] = graph.shapes(pooled)[probe][1];
    node.output(graph.onnx_reshape(pooled, targets));
}

void import_average_pool(NodeImport& node) {
    const bool count_padding = node.fixed().integer("count_include_pad").value_or(0) != 0;
    if (node.rank(0) == 5) return import_depth_pool(node, count_padding);
    SpatialNode spatial(node);
    const AveragePool pool = read_pool(spatial, node.fixed(), AveragePool{.count_padding = count_padding});
    spatial.output(node.graph().add(pool, {spatial.image()}));
}

/// (Σ |x|ᵖ)^(1/p) over a window: the root of a mean of powers, times the window's size.
void import_lp_pool(NodeImport& node) {
    using Kind = Activation::Kind;
    SpatialNode spatial(node);
    GraphBuilder& graph = node.graph();
    const auto p = static_cast<float>(node.fixed().integer("p").value_or(2));
    if (p < 1.0F) fail("attribute 'p' is {}", p);
    const AveragePool pool = read_pool(spatial, node.fixed(), AveragePool{.count_padding = true});
    if (pool.ceil_mode) fail("ceil_mode is not supported");
    const auto taps = static_cast<float>(pool.kernel[0] * pool.kernel[1]);
    ValueId value = graph.add(Activation{.kind = Kind::abs}, {spatial.image()});
    value = graph.add(pool, {graph.add(Activation{.kind = Kind::power, .alpha = p}, {value})});
    value = graph.add(Activation{.kind = Kind::linear, .alpha = taps}, {value});
    spatial.output(graph.add(Activation{.kind = Kind::power, .alpha = 1.0F / p}, {value}));
}

template <Reduce::Kind kind>
void import_global_pool(NodeImport& node) {
    SpatialNode spatial(node);
    spatial.output(node.graph().add(Reduce{kind, {1, 2}, true}, {spatial.image()}));
}

/// Normalises the channels of a layer before they become pixels. Whether it could.
bool normalize_interleaved(NodeImport& node) {
    GraphBuilder& graph = node.graph();
    const auto interleaved = node.rank(0) == 4 ? interleaved_layer(graph, node.value(0)) : std::nullopt;
    if (!interleaved) return false;
    std::vector<ValueId> inputs{interleaved->layer};
    for (int input = 1; input < 5; ++input) {
        if (!node.is_constant(input)) return false;
        const Constant& constant = node.fixed().constant(input);
        const std::vector<float> values = as_reals(constant);
        const Tensor tensor(constant.shape, values);
        inputs.push_back(graph.add_parameter(node.input_name(input), interleaved->repeated(tensor)));
    }
    const BatchNormalization normalization{.epsilon = node.fixed().real("epsilon").value_or(1e-5F)};
    node.output(interleaved->interleave(graph, graph.add(normalization, inputs)));
    return true;
}

void import_batch_normalization(NodeImport& node) {
    // Before opset 14 further outputs, those of batch statistics, say so.
    const auto& outputs = node.proto().output();
    if (node.fixed().integer("training_mode").value_or(0) != 0
        || std::any_of(outputs.begin() + 1, outputs.end(), [](const std::string& name) { return !name.empty(); })) {
        fail_in_training_mode();
    }
    if (node.fixed().integer("spatial").value_or(1) == 0) fail("statistics of single pixels are not supported");
    GraphBuilder& graph = node.graph();
    if (normalize_interleaved(node)) return;
    const bool is_row = node.rank(0) == 3;
    const ValueId x = is_row ? graph.image_of_row(node.value(0)) : node.value(0);
    std::vector<ValueId> inputs{graph.channels_last(x)};
    for (int input = 1; input < 5; ++input) inputs.push_back(node.value(input));
    const BatchNormalization normalization{.epsilon = node.fixed().real("epsilon").value_or(1e-5F)};
    const ValueId y = graph.from_channels_last(graph.add(normalization, inputs));
    node.output(is_row ? graph.row_of_image(y) : y);
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

template <bool logarithm>
void import_softmax(NodeImport& node) {
    const OnnxNode& attributes = node.fixed();
    GraphBuilder& graph = node.graph();
    const int rank = node.rank(0);
    const bool one_axis = attributes.opset >= 13;
    const int axis = normalized_axis(attributes.integer("axis").value_or(one_axis ? -1 : 1), rank);
    const ProbedShapes shapes = node.shapes(0);
    const auto rest_is_one = [&](const Shape& shape) { return shape.elements(axis + 1, rank) == 1; };
    if (one_axis || std::ranges::all_of(shapes, rest_is_one)) {
        return node.output(graph.add(Softmax{our_axis(axis, rank), logarithm}, {node.value(0)}));
    }
    // Before opset 13 the axes from this one on are normalised together.
    ProbedShapes matrices;
    for (const Shape& shape : shapes) matrices.push_back({shape.elements(0, axis), shape.elements(axis, rank)});
    const ValueId matrix = graph.onnx_reshape(node.value(0), matrices);
    node.output(graph.onnx_reshape(graph.add(Softmax{1, logarithm}, {matrix}), shapes));
}

void import_dropout(NodeImport& node) {
    refuse_training_dropout(node.fixed());
    const Dropout dropout{.probability = node.fixed().real("ratio", 1).value_or(0.5F)};
    if (!(dropout.probability >= 0.0F && dropout.probability < 1.0F)) {
        fail("the ratio is {}, at least 0 and less than 1 was expected", dropout.probability);
    }
    node.output_like(0, node.graph().add(dropout, {node.unordered_value(0)}));
}

}  // namespace

const ImportTable& layer_imports() {
    static const ImportTable table = {
        {"AveragePool",
         {import_average_pool, "auto_pad ceil_mode count_include_pad dilations kernel_shape pads strides"}},
        {"BatchNormalization", {import_batch_normalization, "epsilon momentum spatial training_mode"}},
        {"Conv", {import_conv, "auto_pad dilations group kernel_shape pads strides"}},
        {"Dropout", {import_dropout, "ratio seed"}},
        {"Gemm", {import_gemm, "alpha beta transA transB"}},
        {"GlobalAveragePool", {import_global_pool<Reduce::Kind::mean>}},
        {"GlobalMaxPool", {import_global_pool<Reduce::Kind::maximum>}},
        {"LogSoftmax", {import_softmax<true>, "axis"}},
        {"LpPool", {import_lp_pool, "auto_pad ceil_mode dilations kernel_shape p pads strides"}},
        {"MatMul", {import_matmul}},
        {"MaxPool", {import_max_pool, "auto_pad ceil_mode dilations kernel_shape pads storage_order strides"}},
        {"MaxUnpool", {import_max_unpool, "kernel_shape pads strides", 9}},
        {"Softmax", {import_softmax<false>, "axis"}},
    };
    return table;
}

}  // namespace eigenbit::internal
