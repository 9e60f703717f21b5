#include "engine/formats/onnx/fold/arithmetic.h"

#include "engine/base/error.h"
#include "engine/formats/onnx/element_functions.h"
#include "engine/formats/onnx/import/elementwise.h"
#include "engine/formats/onnx/import/operators.h"
#include "engine/formats/onnx/layout.h"
#include "engine/formats/onnx/shapes.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

namespace eigenbit::internal {
namespace {

using Kind = Arithmetic::Kind;

void apply(NodeImport& node, const Activation& activation) {
    node.output_like(0, add_elementwise(node, activation, {node.unordered_value(0)}));
}

void import_function(NodeImport& node) { apply(node, function_of(node.fixed())); }

/// An operand with leading extents 1 up to this rank, in our layout.
ValueId operand(NodeImport& node, int input, int rank) {
    if (node.is_constant(input)) return node.broadcast_parameter(input, rank);
    ProbedShapes shapes = node.shapes(input);
    if (shapes.front().rank() == rank) return node.value(input);
    for (Shape& shape : shapes) shape = with_leading_ones(shape, rank);
    return node.graph().onnx_reshape(node.value(input), shapes);
}

void expect_inputs(const NodeImport& node, int count) {
    const int given = node.proto().input_size();
    if (given != count) fail("it has {} inputs, {} were expected", given, count);
}

/// All inputs, at least one, with leading extents 1 up to the same rank.
std::vector<ValueId> operands(NodeImport& node) {
    if (node.proto().input_size() == 0) fail("it has no inputs");
    int rank = 0;
    for (int input = 0; input < node.proto().input_size(); ++input) rank = std::max(rank, node.rank(input));
    std::vector<ValueId> result;
    for (int input = 0; input < node.proto().input_size(); ++input) result.push_back(operand(node, input, rank));
    return result;
}

template <Kind kind>
void import_arithmetic(NodeImport& node) {
    expect_inputs(node, 2);
    node.output(add_elementwise(node, Arithmetic{kind}, operands(node)));
}

/// What has its inputs the other way round in ONNX.
template <Kind kind>
void import_reversed(NodeImport& node) {
    expect_inputs(node, 2);
    const std::vector<ValueId> inputs = operands(node);
    node.output(add_elementwise(node, Arithmetic{kind}, {inputs[1], inputs[0]}));
}

/// One input after the other is combined with what came of those before it.
template <Kind kind>
ValueId combined(NodeImport& node) {
    const std::vector<ValueId> inputs = operands(node);
    ValueId result = inputs[0];
    for (const ValueId input : std::span(inputs).subspan(1)) {
        result = add_elementwise(node, Arithmetic{kind}, {result, input});
    }
    return result;
}

template <Kind kind>
void import_combination(NodeImport& node) {
    if (node.proto().input_size() == 1) return node.output_input(0);
    node.output(combined<kind>(node));
}

/// A maximum or minimum of a value and a constant number is a clip.
template <Kind kind>
void import_extremum(NodeImport& node) {
    if (node.proto().input_size() != 2 || node.is_constant(0) == node.is_constant(1)) {
        return import_combination<kind>(node);
    }
    const int limit = node.is_constant(0) ? 0 : 1;
    if (node.shapes(limit).front().elements() != 1 || node.rank(limit) > node.rank(1 - limit)) {
        return import_combination<kind>(node);
    }
    constexpr float kLargest = std::numeric_limits<float>::max();
    const float number = scalar(node.fixed().constant(limit));
    Activation clip{.kind = Activation::Kind::clip, .alpha = -kLargest, .beta = kLargest};
    (kind == Kind::maximum ? clip.alpha : clip.beta) = std::clamp(number, -kLargest, kLargest);
    node.output_like(1 - limit, add_elementwise(node, clip, {node.unordered_value(1 - limit)}));
}

void import_mean(NodeImport& node) {
    if (node.proto().input_size() == 1) return node.output_input(0);
    const Activation share{.kind = Activation::Kind::linear,
                           .alpha = 1.0F / static_cast<float>(node.proto().input_size())};
    node.output(add_elementwise(node, share, {combined<Kind::add>(node)}));
}

/// A constant exponent is none of the network's parameters.
void import_pow(NodeImport& node) {
    const bool is_number =
        node.is_constant(1) && node.shapes(1).front().elements() == 1 && node.rank(1) <= node.rank(0);
    if (!is_number || node.is_constant(0)) return import_arithmetic<Kind::power>(node);
    apply(node, {.kind = Activation::Kind::power, .alpha = scalar(node.fixed().constant(1))});
}

void import_where(NodeImport& node) {
    expect_inputs(node, 3);
    node.output(add_elementwise(node, Select{}, operands(node)));
}

/// What one slope for all, or one for each channel, cannot say is made of the parts above and below 0.
void import_prelu(NodeImport& node) {
    expect_inputs(node, 2);
    if (node.is_constant(1)) {
        const ValueId slope = node.broadcast_parameter(1, node.rank(0));
        const Shape shape = node.graph().shapes(slope).front();
        const ValueId x = node.value(0);
        if (shape.elements() == 1 || shape == Shape{node.graph().shapes(x).front().back()}) {
            return node.output(node.graph().add(PRelu{}, {x, slope}));
        }
    }
    if (node.rank(1) > node.rank(0)) fail("its slope has more dimensions than what it is for");
    constexpr float kLargest = std::numeric_limits<float>::max();
    const std::vector<ValueId> inputs = operands(node);
    const Activation below{.kind = Activation::Kind::clip, .alpha = -kLargest, .beta = 0.0F};
    const ValueId negative =
        add_elementwise(node, Arithmetic{Kind::multiply}, {add_elementwise(node, below, {inputs[0]}), inputs[1]});
    const ValueId positive = add_elementwise(node, Activation{}, {inputs[0]});
    node.output(add_elementwise(node, Arithmetic{Kind::add}, {positive, negative}));
}

/// Whether the input is, at every probe, the number of terms of a sum.
bool is_term_count(const NodeImport& node, int input, const SumOverAxes& sum, const ProbedShapes& summed) {
    for (std::size_t probe = 0; probe < node.probes(); ++probe) {
        const Constant& divisor = node.at(probe).constant(input);
        if (divisor.shape.elements() != 1) return false;
        float terms = 1.0F;
        for (const int axis : sum.axes) terms *= static_cast<float>(summed[probe][axis]);
        if (scalar(divisor) != terms) return false;
    }
    return true;
}

void import_div(NodeImport& node) {
    if (node.is_constant(1) && !node.is_constant(0)) {
        const auto found = node.state().sums.find(node.value(0));
        if (found != node.state().sums.end()) {
            const SumOverAxes& sum = found->second;
            if (is_term_count(node, 1, sum, node.graph().shapes(sum.summed)) && node.rank(1) <= node.rank(0)) {
                const ValueId mean =
                    node.graph().add(Reduce{Reduce::Kind::mean, sum.axes, sum.keep_axes}, {sum.summed});
                return node.output(node.graph().onnx_reshape(mean, node.shapes(0)));
            }
        }
    }
    import_arithmetic<Kind::divide>(node);
}

/// A reduction over no axes, which leaves what it does to each element.
void import_unreduced(NodeImport& node, Reduce::Kind kind) {
    switch (kind) {
    case Reduce::Kind::l1:
    case Reduce::Kind::l2:
        return apply(node, {.kind = Activation::Kind::abs});
    case Reduce::Kind::sum_square:
        return apply(node, {.kind = Activation::Kind::power, .alpha = 2.0F});
    case Reduce::Kind::log_sum:
        return apply(node, {.kind = Activation::Kind::log});
    default:
        return node.output_input(0);
    }
}

void import_reduction(NodeImport& node) {
    GraphBuilder& graph = node.graph();
    const int rank = node.rank(0);
    Reduce reduce = reduction_of(node.fixed(), rank);
    if (reduce.axes.empty() && rank > 0) return import_unreduced(node, reduce.kind);
    for (int& axis : reduce.axes) axis = our_axis(axis, rank);
    std::ranges::sort(reduce.axes);

    const ValueId x = node.value(0);
    if (const Node* producer = graph.producer(x); producer != nullptr && reduce.keep_axes) {
        // Of transposed values, as in add_elementwise().
        if (const auto* transpose = std::get_if<Transpose>(&producer->op)) {
            const std::vector<int> permutation = transpose->permutation;
            for (int& axis : reduce.axes) axis = permutation[static_cast<std::size_t>(axis)];
            std::ranges::sort(reduce.axes);
            return node.output(graph.transpose(graph.add(reduce, {producer->inputs[0]}), permutation, "/layout"));
        }
    }
    const ValueId y = graph.add(reduce, {x});
    if (reduce.kind == Reduce::Kind::sum) {
        SumOverAxes sum{x, reduce.axes, reduce.keep_axes};
        const auto inner = node.state().sums.find(x);
        if (inner != node.state().sums.end() && inner->second.keep_axes) {  // a sum of a sum
            sum = {inner->second.summed, inner->second.axes, true};
            sum.axes.insert(sum.axes.end(), reduce.axes.begin(), reduce.axes.end());
            std::ranges::sort(sum.axes);
            sum.axes.erase(std::unique(sum.axes.begin(), sum.axes.end()), sum.axes.end());
        }
        node.state().sums.emplace(y, sum);
    }
    if (reduce.keep_axes) return node.output(y);
    node.output(rank == 4 ? graph.transpose(y, remaining_to_onnx_order(reduce.axes), "/layout")
                          : graph.from_onnx_order(y));
}

}  // namespace

const ImportTable& arithmetic_imports() {
    static const ImportTable table = [] {
        ImportTable all = {
            {"Add", {import_arithmetic<Kind::add>}},
            {"And", {import_arithmetic<Kind::minimum>}},
            {"Div", {import_div}},
            {"Equal", {import_arithmetic<Kind::equal>}},
            {"Greater", {import_reversed<Kind::less>}},
            {"GreaterOrEqual", {import_reversed<Kind::less_or_equal>, "", 12}},
            {"Less", {import_arithmetic<Kind::less>}},
            {"LessOrEqual", {import_arithmetic<Kind::less_or_equal>, "", 12}},
            {"Max", {import_extremum<Kind::maximum>}},
            {"Mean", {import_mean}},
            {"Min", {import_extremum<Kind::minimum>}},
            {"Mul", {import_arithmetic<Kind::multiply>}},
            {"Or", {import_arithmetic<Kind::maximum>}},
            {"PRelu", {import_prelu}},
            {"Pow", {import_pow}},
            {"Sub", {import_arithmetic<Kind::subtract>}},
            {"Sum", {import_combination<Kind::add>}},
            {"Where", {import_where, "", 9}},
        };
        for (const auto& [type, function] : element_functions()) {
            all.emplace(type, ImportedOperator{import_function, function.attributes, function.since});
        }
        for (const auto& [type, kind] : reductions()) {
            all.emplace(type, ImportedOperator{import_reduction, "axes keepdims noop_with_empty_axes"});
        }
        return all;
    }();
    return table;
}

}  // namespace eigenbit::internal
