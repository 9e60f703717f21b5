#include "engine/formats/onnx/import/spelled_out.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>
#include <vector>

namespace eigenbit::internal {
namespace {

using Kind = Activation::Kind;

/// (x − its mean) / √(its variance + a number), spelled out: what it normalizes. As the inputs of a division.
std::optional<ValueId> deviation_normalization(GraphBuilder& graph, ValueId deviation, ValueId root) {
    const auto made_by = [&]<typename Op>(ValueId value, const Op&) -> std::pair<const Node*, const Op*> {
        const Node* node = graph.producer(value);
        return {node, node == nullptr ? nullptr : std::get_if<Op>(&node->op)};
    };
    const auto function = [&](ValueId value, Kind kind, float alpha) -> std::optional<ValueId> {
        const auto [node, op] = made_by(value, Activation{});
        if (op == nullptr || op->kind != kind || op->alpha != alpha) return std::nullopt;
        return node->inputs[0];
    };
    const auto mean_of = [&](ValueId value) { return made_by(value, Reduce{}); };
    const auto is_deviation = [&](ValueId value, ValueId x, const Reduce& mean) {
        const auto [node, op] = made_by(value, Arithmetic{});
        if (op == nullptr || op->kind != Arithmetic::Kind::subtract || node->inputs[0] != x) return false;
        const auto [mean_node, reduce] = mean_of(node->inputs[1]);
        return reduce != nullptr && mean_node->inputs[0] == x && reduce->kind == Reduce::Kind::mean && reduce->keep_axes
               && reduce->axes == mean.axes;
    };
    std::optional<ValueId> sum = function(root, Kind::sqrt, 0.0F);
    if (!sum) sum = function(root, Kind::power, 0.5F);
    if (!sum) return std::nullopt;
    const auto [sum_node, addition] = made_by(*sum, Arithmetic{});
    if (addition == nullptr || addition->kind != Arithmetic::Kind::add) return std::nullopt;
    const std::size_t number = graph.parameter(sum_node->inputs[0]) != nullptr ? 0 : 1;
    const Tensor* epsilon = graph.parameter(sum_node->inputs[number]);
    if (epsilon == nullptr || epsilon->elements() != 1 || !((*epsilon)[0] >= 0.0F)) return std::nullopt;
    const auto [variance_node, variance] = mean_of(sum_node->inputs[1 - number]);
    if (variance == nullptr || variance->kind != Reduce::Kind::mean || !variance->keep_axes || variance->axes.empty()) {
        return std::nullopt;
    }
    const ValueId square = variance_node->inputs[0];
    std::optional<ValueId> squared = function(square, Kind::power, 2.0F);
    if (const auto [node, op] = made_by(square, Arithmetic{});
        op != nullptr && op->kind == Arithmetic::Kind::multiply && node->inputs[0] == node->inputs[1]) {
        squared = node->inputs[0];
    }
    const auto [deviation_node, subtraction] = made_by(deviation, Arithmetic{});
    if (!squared || subtraction == nullptr || subtraction->kind != Arithmetic::Kind::subtract) return std::nullopt;
    const ValueId x = deviation_node->inputs[0];
    if (!is_deviation(deviation, x, *variance) || !is_deviation(*squared, x, *variance)) return std::nullopt;
    return graph.add(Normalization{.axes = variance->axes, .epsilon = (*epsilon)[0]}, {x});
}

/// What nodes in a row, each of one value and parameters, make of it.
Tensor result_of(const GraphBuilder& graph, const std::vector<const Node*>& chain, Tensor value) {
    for (const Node* node : chain) {
        std::vector<ConstView> inputs;
        std::vector<Shape> shapes;
        for (const ValueId input : node->inputs) {
            const Tensor* parameter = graph.parameter(input);
            inputs.emplace_back(parameter == nullptr ? value : *parameter);
            shapes.push_back(inputs.back().shape);
        }
        Tensor result(infer_shapes(node->op, shapes).front());
        const View output = result;
        forward(node->op, ForwardArguments{.inputs = inputs, .outputs = std::span(&output, 1), .saved = {}});
        value = std::move(result);
    }
    return value;
}

/// Numbers around 0 of about this magnitude.
Tensor scattered(const Shape& shape, float magnitude) {
    constexpr std::int64_t kPeriod = 1009;  // a prime
    Tensor result(shape);
    for (std::int64_t i = 0; i < result.elements(); ++i) {
        const auto position = static_cast<float>(i * 619 % kPeriod) / static_cast<float>(kPeriod);
        result[i] = magnitude * (4.0F * position - 2.0F);
    }
    return result;
}

bool alike(const Tensor& a, const Tensor& b) {
    constexpr float kRoundings = 1e-5F;
    return a.shape() == b.shape() && std::ranges::equal(a.values(), b.values(), [](float one, float other) {
               return std::abs(one - other) <= kRoundings * std::abs(one);
           });
}

/// x / (bias + alpha · the mean of x² over neighbouring channels) ^ beta, as PyTorch writes it, with the channels as
/// the depth of volumes. The divisor's nodes say the numbers, and what they compute says whether it is that.
std::optional<ValueId> response_normalization(GraphBuilder& graph, ValueId x, ValueId divisor) {
    constexpr std::size_t kMostNodes = 16;
    constexpr std::int64_t kMostElements = std::int64_t{1} << 25;
    if (graph.rank(x) != 4) return std::nullopt;
    LocalResponseNormalization normalization{.size = 0, .alpha = 0.0F, .beta = 0.0F, .bias = 0.0F};
    std::vector<const Node*> chain;
    for (ValueId value = divisor; value != x;) {
        const Node* const node = graph.producer(value);
        if (node == nullptr || chain.size() == kMostNodes || node->outputs.size() != 1) return std::nullopt;
        if (graph.shapes(value).front().elements() > kMostElements) return std::nullopt;
        chain.push_back(node);
        std::optional<ValueId> source;
        float number = 0.0F;
        for (const ValueId input : node->inputs) {
            if (const Tensor* parameter = graph.parameter(input)) {
                number = (*parameter)[0];
            } else if (source && *source != input) {
                return std::nullopt;
            } else {
                source = input;
            }
        }
        if (!source) return std::nullopt;
        value = *source;
        if (const auto* pool = std::get_if<AveragePool>(&node->op)) {
            normalization.size = pool->kernel[0];
        } else if (const auto* function = std::get_if<Activation>(&node->op)) {
            if (function->kind == Kind::power && normalization.size == 0) normalization.beta = function->alpha;
        } else if (const auto* arithmetic = std::get_if<Arithmetic>(&node->op); normalization.size == 0) {
            if (arithmetic == nullptr) continue;
            if (arithmetic->kind == Arithmetic::Kind::add) normalization.bias = number;
            if (arithmetic->kind == Arithmetic::Kind::multiply) normalization.alpha = number;
        }
    }
    if (normalization.size < 1 || !(normalization.alpha > 0.0F && normalization.bias > 0.0F)) return std::nullopt;
    std::ranges::reverse(chain);
    const Tensor values = scattered(graph.shapes(x).front(), std::sqrt(normalization.bias / normalization.alpha));
    Tensor spelled_out = result_of(graph, chain, values);
    if (!(spelled_out.shape() == values.shape())) return std::nullopt;
    std::ranges::transform(values.values(), spelled_out.values(), spelled_out.values().begin(), std::divides{});
    const Node node{.name = {}, .op = normalization, .inputs = {x}, .outputs = {}};
    if (!alike(result_of(graph, {&node}, values), spelled_out)) return std::nullopt;
    return graph.add(normalization, {x});
}

}  // namespace

std::optional<ValueId> spelled_out_normalization(GraphBuilder& graph, ValueId dividend, ValueId divisor) {
    if (const auto value = deviation_normalization(graph, dividend, divisor)) return value;
    return response_normalization(graph, dividend, divisor);
}

}  // namespace eigenbit::internal
