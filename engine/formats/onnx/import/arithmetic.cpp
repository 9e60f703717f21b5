#include "engine/formats/onnx/fold/arithmetic.h"

#include "engine/base/error.h"
#include "engine/formats/onnx/import/operators.h"
#include "engine/formats/onnx/layout.h"
#include "engine/formats/onnx/shapes.h"
#include "engine/graph/layer_view.h"

#include <algorithm>
#include <array>

namespace eigenbit::internal {
namespace {

using Kind = Arithmetic::Kind;

void apply(NodeImport& node, const Activation& activation) {
    node.output_like(0, node.graph().add(activation, {node.unordered_value(0)}));
}

template <Activation::Kind kind>
void import_activation(NodeImport& node) {
    apply(node, {.kind = kind});
}

void import_leaky_relu(NodeImport& node) {
    apply(node, {.kind = Activation::Kind::leaky_relu, .slope = node.fixed().real("alpha").value_or(0.01F)});
}

void import_clip(NodeImport& node) {
    Activation clip{.kind = Activation::Kind::clip};
    clip.low = std::max(clip.low, node.fixed().real("min", 1).value_or(clip.low));
    clip.high = std::min(clip.high, node.fixed().real("max", 2).value_or(clip.high));
    apply(node, clip);
}

void import_prelu(NodeImport& node) {
    if (!node.is_constant(1)) fail("its slope is computed by the network; a constant was expected");
    const ValueId slope = node.broadcast_parameter(1, node.rank(0));
    node.output(node.graph().add(PRelu{}, {node.value(0), slope}));
}

/// The input and a number, which becomes a parameter, combined.
void apply_with_number(NodeImport& node, Kind kind, std::string_view role, float number) {
    const std::string name = fmt::format("{}.{}", node.graph().node_name(), role);
    const ValueId parameter = node.graph().add_parameter(name, Tensor(Shape{1}, std::array{number}));
    node.output_like(0, node.graph().add(Arithmetic{kind}, {node.unordered_value(0), parameter}));
}

void import_sqrt(NodeImport& node) { apply_with_number(node, Kind::power, "exponent", 0.5F); }
void import_neg(NodeImport& node) { apply_with_number(node, Kind::multiply, "factor", -1.0F); }

/// An operand with leading extents 1 up to this rank, in our layout.
ValueId operand(NodeImport& node, int input, int rank) {
    if (node.is_constant(input)) return node.broadcast_parameter(input, rank);
    ProbedShapes shapes = node.shapes(input);
    if (shapes.front().rank() == rank) return node.value(input);
    for (Shape& shape : shapes) shape = with_leading_ones(shape, rank);
    return node.graph().onnx_reshape(node.value(input), shapes);
}

template <Kind kind>
void import_arithmetic(NodeImport& node) {
    const int rank = std::max(node.rank(0), node.rank(1));
    const ValueId a = operand(node, 0, rank);
    node.output(node.graph().add(Arithmetic{kind}, {a, operand(node, 1, rank)}));
}

/// Makes a constant that is added to a layer without bias, read by nobody else, its bias. Whether it could.
bool add_as_bias(NodeImport& node, int layer_input, int constant_input) {
    GraphBuilder& graph = node.graph();
    if (node.is_constant(layer_input) || !node.is_constant(constant_input)) return false;
    const ValueId value = node.value(layer_input);
    Node* layer = graph.producer(value);
    if (layer == nullptr || !is_layer(layer->op) || !node.is_only_use(layer_input)) return false;
    if (input_of(*layer, InputRole::bias)) return false;
    if (node.rank(constant_input) > graph.rank(value)) return false;
    const ValueId bias = node.broadcast_parameter(constant_input, graph.rank(value));
    if (!(graph.shapes(bias).front() == Shape{graph.shapes(value).front().back()})) return false;
    layer->inputs.push_back(bias);
    node.output(value);
    return true;
}

void import_add(NodeImport& node) {
    if (!add_as_bias(node, 0, 1) && !add_as_bias(node, 1, 0)) import_arithmetic<Kind::add>(node);
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
                return node.output(node.graph().add(Reduce{Reduce::Kind::mean, sum.axes, sum.keep_axes}, {sum.summed}));
            }
        }
    }
    import_arithmetic<Kind::divide>(node);
}

template <Reduce::Kind kind>
void import_reduction(NodeImport& node) {
    const OnnxNode& attributes = node.fixed();
    GraphBuilder& graph = node.graph();
    const int rank = node.rank(0);
    const auto given = attributes.integers("axes", 1);
    if ((!given || given->empty()) && attributes.integer("noop_with_empty_axes").value_or(0) != 0) {
        return node.output_input(0);
    }
    Reduce reduce{kind, {}, attributes.integer("keepdims").value_or(1) != 0};
    for (const int axis : normalized_axes(given, rank)) reduce.axes.push_back(our_axis(axis, rank));
    std::ranges::sort(reduce.axes);

    const ValueId x = node.value(0);
    const ValueId y = graph.add(reduce, {x});
    if (kind == Reduce::Kind::sum) {
        SumOverAxes sum{x, reduce.axes, reduce.keep_axes};
        const auto inner = node.state().sums.find(x);
        if (inner != node.state().sums.end() && inner->second.keep_axes) {  // a sum of a sum
            sum.summed = inner->second.summed;
            sum.axes.insert(sum.axes.end(), inner->second.axes.begin(), inner->second.axes.end());
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
    static const ImportTable table = {
        {"Add", import_add},
        {"Clip", import_clip},
        {"Div", import_div},
        {"LeakyRelu", import_leaky_relu},
        {"Mul", import_arithmetic<Kind::multiply>},
        {"Neg", import_neg},
        {"PRelu", import_prelu},
        {"Pow", import_arithmetic<Kind::power>},
        {"ReduceMean", import_reduction<Reduce::Kind::mean>},
        {"ReduceSum", import_reduction<Reduce::Kind::sum>},
        {"Relu", import_activation<Activation::Kind::relu>},
        {"Sigmoid", import_activation<Activation::Kind::sigmoid>},
        {"Sqrt", import_sqrt},
        {"Sub", import_arithmetic<Kind::subtract>},
        {"Tanh", import_activation<Activation::Kind::tanh>},
    };
    return table;
}

}  // namespace eigenbit::internal
