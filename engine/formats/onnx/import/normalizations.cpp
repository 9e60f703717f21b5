#include "engine/base/error.h"
#include "engine/formats/onnx/import/operators.h"
#include "engine/formats/onnx/layout.h"
#include "engine/formats/onnx/shapes.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace eigenbit::internal {
namespace {

float epsilon_of(const OnnxNode& node) { return node.real("epsilon").value_or(1e-5F); }

std::vector<int> axes_from(int first, int rank) {
    std::vector<int> axes(static_cast<std::size_t>(rank - first));
    std::iota(axes.begin(), axes.end(), first);
    return axes;
}

std::vector<int> our_axes(const std::vector<int>& onnx, int rank) {
    std::vector<int> axes;
    for (const int axis : onnx) axes.push_back(our_axis(axis, rank));
    std::ranges::sort(axes);
    return axes;
}

/// A constant list with a number for each channel, or for each of so many groups of them.
Tensor channel_numbers(const NodeImport& node, int input, std::int64_t channels, std::int64_t groups) {
    const Constant& constant = node.fixed().constant(input);
    const std::int64_t given = constant.shape.elements();
    if (constant.shape.rank() != 1 || (given != channels && given != groups)) {
        fail("input {} has shape {}, ({}) was expected", input, to_string(constant.shape), channels);
    }
    Tensor result(Shape{channels});
    for (std::int64_t c = 0; c < channels; ++c) {
        result[c] = constant.reals()[static_cast<std::size_t>(c * given / channels)];
    }
    return result;
}

/// Scale and bias of every channel, inputs 1 and 2, as inputs of a normalization; nothing where they change nothing.
std::vector<ValueId> channel_parameters(NodeImport& node, const Shape& parameter, std::int64_t groups) {
    Tensor scale = channel_numbers(node, 1, parameter.elements(), groups);
    Tensor bias = channel_numbers(node, 2, parameter.elements(), groups);
    const auto all = [](const Tensor& tensor, float number) {
        return std::ranges::all_of(tensor.values(), [&](float value) { return value == number; });
    };
    if (all(scale, 1.0F) && all(bias, 0.0F)) return {};
    scale.reshape(parameter);
    bias.reshape(parameter);
    return {node.graph().add_parameter(node.input_name(1), std::move(scale)),
            node.graph().add_parameter(node.input_name(2), std::move(bias))};
}

/// Where an instance normalization is that of groups of an image's channels, reshaped to (N, groups, the rest), the
/// image.
std::optional<ValueId> grouped_image(GraphBuilder& graph, ValueId value, std::int64_t groups) {
    const Node* const reshape = graph.producer(value);
    if (graph.rank(value) != 3 || reshape == nullptr || !std::holds_alternative<Reshape>(reshape->op))
        return std::nullopt;
    ValueId image = reshape->inputs[0];
    if (graph.rank(image) != 4) return std::nullopt;
    const Node* const transpose = graph.producer(image);
    if (transpose != nullptr && std::holds_alternative<Transpose>(transpose->op)
        && std::ranges::equal(std::get<Transpose>(transpose->op).permutation, kOurAxis)) {
        image = transpose->inputs[0];
    } else if (!same_order(graph.shapes(image))) {
        return std::nullopt;
    }
    for (std::size_t probe = 0; probe < graph.shapes(value).size(); ++probe) {
        const Shape& shape = graph.shapes(image)[probe];
        if (shape[0] != graph.shapes(value)[probe][0] || shape[3] % groups != 0) return std::nullopt;
    }
    return image;
}

void import_instance_normalization(NodeImport& node) {
    GraphBuilder& graph = node.graph();
    const ValueId x = node.value(0);
    const int rank = graph.rank(x);
    if (rank < 3) fail("input 0 has shape {}, at least 3 dimensions were expected", to_string(node.shapes(0).front()));
    const float epsilon = epsilon_of(node.fixed());
    const std::int64_t channels = fixed_extent(node.shapes(0), 1);
    std::vector<std::int64_t> extents(static_cast<std::size_t>(rank == 4 ? 1 : rank - 1), 1);
    extents.front() = channels;
    std::vector<ValueId> inputs = channel_parameters(node, Shape(extents), channels);
    if (inputs.empty()) {
        if (const auto image = grouped_image(graph, x, channels)) {
            const ValueId y = graph.add(Normalization{{1, 2, 3}, channels, epsilon}, {*image});
            return node.output(graph.onnx_reshape(y, node.shapes(0)));
        }
    }
    inputs.insert(inputs.begin(), x);
    const std::vector<int> axes = our_axes(axes_from(2, rank), rank);
    node.output(graph.add(Normalization{.axes = axes, .epsilon = epsilon}, inputs));
}

void import_group_normalization(NodeImport& node) {
    GraphBuilder& graph = node.graph();
    const ValueId x = graph.channels_last(node.value(0));
    const int rank = graph.rank(x);
    const std::int64_t channels = graph.shapes(x).front().back();
    const std::int64_t groups = node.fixed().integer("num_groups").value_or(0);
    if (groups < 1 || channels % groups != 0) fail("attribute 'num_groups' is {} for {} channels", groups, channels);
    // Before opset 21 scale and bias have a number for each group.
    std::vector<ValueId> inputs = channel_parameters(node, Shape{channels}, groups);
    inputs.insert(inputs.begin(), x);
    const Normalization normalization{axes_from(1, rank), groups, epsilon_of(node.fixed())};
    node.output(graph.from_channels_last(graph.add(normalization, inputs)));
}

/// The mean and the reciprocal deviation of what a layer normalization normalizes, its second and third output, where
/// somebody reads them.
void output_statistics(NodeImport& node, const Normalization& normalization, ValueId x, bool in_onnx_order) {
    GraphBuilder& graph = node.graph();
    const auto is_read = [&](int output) {
        return output < node.proto().output_size() && node.state().readers.contains(node.proto().output(output));
    };
    const auto mean = [&](ValueId value) {
        return graph.add(Reduce{Reduce::Kind::mean, normalization.axes, true}, {value});
    };
    const auto output = [&](ValueId value, int index) {
        node.output(in_onnx_order ? graph.from_onnx_order(value) : value, index);
    };
    if (!is_read(1) && !is_read(2)) return;
    const ValueId center = mean(x);
    output(center, 1);
    const ValueId deviation = graph.add(Arithmetic{Arithmetic::Kind::subtract}, {x, center});
    const ValueId square = graph.add(Activation{.kind = Activation::Kind::power, .alpha = 2.0F}, {deviation});
    const Activation add_epsilon{.kind = Activation::Kind::linear, .alpha = 1.0F, .beta = normalization.epsilon};
    const ValueId variance = graph.add(add_epsilon, {mean(square)});
    output(graph.add(Activation{.kind = Activation::Kind::power, .alpha = -0.5F}, {variance}), 2);
}

void import_layer_normalization(NodeImport& node) {
    const OnnxNode& attributes = node.fixed();
    GraphBuilder& graph = node.graph();
    const int rank = node.rank(0);
    const int first = normalized_axis(attributes.integer("axis").value_or(-1), rank);
    ValueId x = node.value(0);
    // Values that the network has transposed, say to have channels last, are taken in ONNX's order.
    const Node* const producer = graph.producer(x);
    const bool in_onnx_order =
        rank == 4 && first > 0 && producer != nullptr && std::holds_alternative<Transpose>(producer->op);
    if (in_onnx_order) x = graph.in_onnx_order(x);
    const std::vector<int> axes = axes_from(first, rank);
    const Normalization normalization{.axes = in_onnx_order ? axes : our_axes(axes, rank),
                                      .epsilon = epsilon_of(attributes)};
    std::vector<ValueId> inputs{x};
    for (int input = 1; input < 3 && node.has_input(input); ++input) {
        if (!node.is_constant(input)) fail("input {} is computed by the network; a constant was expected", input);
        inputs.push_back(in_onnx_order ? node.value(input) : node.broadcast_parameter(input, rank));
    }
    const ValueId y = graph.add(normalization, inputs);
    node.output(in_onnx_order ? graph.from_onnx_order(y) : y);
    output_statistics(node, normalization, x, in_onnx_order);
}

void import_mean_variance_normalization(NodeImport& node) {
    const int rank = node.rank(0);
    const auto given = node.fixed().integers("axes").value_or(std::vector<std::int64_t>{0, 2, 3});
    const std::vector<int> axes = our_axes(normalized_axes(given, rank), rank);
    // ONNX adds 1e-9 to the deviation, to divide by something.
    node.output(node.graph().add(Normalization{.axes = axes, .epsilon = 1e-18F}, {node.value(0)}));
}

void import_local_response_normalization(NodeImport& node) {
    const OnnxNode& attributes = node.fixed();
    LocalResponseNormalization normalization;
    normalization.size = attributes.integer("size").value_or(0);
    normalization.alpha = attributes.real("alpha").value_or(1e-4F);
    normalization.beta = attributes.real("beta").value_or(0.75F);
    normalization.bias = attributes.real("bias").value_or(1.0F);
    GraphBuilder& graph = node.graph();
    node.output(graph.from_channels_last(graph.add(normalization, {graph.channels_last(node.value(0))})));
}

/// The sum of |x|ᵖ over some of our axes, to the power 1/p.
ValueId norm(GraphBuilder& graph, ValueId x, std::int64_t p, std::vector<int> axes) {
    if (p < 1) fail("attribute 'p' is {}, at least 1 was expected", p);
    if (p <= 2) return graph.add(Reduce{p == 1 ? Reduce::Kind::l1 : Reduce::Kind::l2, std::move(axes), true}, {x});
    const auto power = [&](ValueId value, float exponent) {
        return graph.add(Activation{.kind = Activation::Kind::power, .alpha = exponent}, {value});
    };
    const auto exponent = static_cast<float>(p);
    const ValueId powers = power(graph.add(Activation{.kind = Activation::Kind::abs}, {x}), exponent);
    return power(graph.add(Reduce{Reduce::Kind::sum, std::move(axes), true}, {powers}), 1.0F / exponent);
}

void import_lp_normalization(NodeImport& node) {
    GraphBuilder& graph = node.graph();
    const int rank = node.rank(0);
    const int axis = our_axis(normalized_axis(node.fixed().integer("axis").value_or(-1), rank), rank);
    const ValueId x = node.value(0);
    const ValueId length = norm(graph, x, node.fixed().integer("p").value_or(2), {axis});
    // 0 stays 0.
    const Activation above_0{.kind = Activation::Kind::clip,
                             .alpha = std::numeric_limits<float>::min(),
                             .beta = std::numeric_limits<float>::max()};
    node.output(graph.add(Arithmetic{Arithmetic::Kind::divide}, {x, graph.add(above_0, {length})}));
}

void import_global_lp_pool(NodeImport& node) {
    const int rank = node.rank(0);
    if (rank < 3) fail("input 0 has shape {}, at least 3 dimensions were expected", to_string(node.shapes(0).front()));
    const std::vector<int> axes = our_axes(axes_from(2, rank), rank);
    node.output(norm(node.graph(), node.value(0), node.fixed().integer("p").value_or(2), axes));
}

}  // namespace

const ImportTable& normalization_imports() {
    static const ImportTable table = {
        {"GlobalLpPool", {import_global_lp_pool, "p"}},
        {"GroupNormalization", {import_group_normalization, "epsilon num_groups stash_type", 18}},
        {"InstanceNormalization", {import_instance_normalization, "epsilon"}},
        {"LRN", {import_local_response_normalization, "alpha beta bias size"}},
        {"LayerNormalization", {import_layer_normalization, "axis epsilon stash_type", 17}},
        {"LpNormalization", {import_lp_normalization, "axis p"}},
        {"MeanVarianceNormalization", {import_mean_variance_normalization, "axes", 9}},
    };
    return table;
}

}  // namespace eigenbit::internal
