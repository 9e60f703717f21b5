#include "engine/formats/onnx/import/elementwise.h"

#include "engine/base/error.h"
#include "engine/formats/onnx/import/spelled_out.h"
#include "engine/formats/onnx/layout.h"
#include "engine/formats/onnx/shapes.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace eigenbit::internal {
namespace {

using Kind = Activation::Kind;

// -----------------------------------------------------------------------------------------------------------------
// Functions by their values

constexpr float kFarthest = 12.0F;
constexpr std::int64_t kPoints = 97;  // a quarter apart

Tensor points() {
    Tensor result(Shape{kPoints});
    for (std::int64_t i = 0; i < kPoints; ++i) result[i] = -kFarthest + 0.25F * static_cast<float>(i);
    return result;
}

/// Throws Error where the inputs do not fit the operator, as those of a damaged file.
Tensor values_of(const Operator& op, const std::vector<Tensor>& inputs) {
    std::vector<Shape> shapes;
    for (const Tensor& input : inputs) shapes.push_back(input.shape());
    if (infer_shapes(op, shapes) != std::vector{Shape{kPoints}}) fail("it is no function of single elements");
    Tensor result(Shape{kPoints});
    const std::vector<ConstView> views(inputs.begin(), inputs.end());
    const View output = result;
    forward(op, ForwardArguments{.inputs = views, .outputs = std::span(&output, 1), .saved = {}});
    return result;
}

struct KnownFunction {
    Activation function;
    Tensor values;
};

const std::vector<KnownFunction>& known_functions() {
    static const std::vector<KnownFunction> known = [] {
        std::vector<KnownFunction> result;
        for (const Activation& function :
             {Activation{.kind = Kind::relu}, Activation{.kind = Kind::clip, .alpha = 0.0F, .beta = 6.0F},
              Activation{.kind = Kind::sigmoid}, Activation{.kind = Kind::tanh},
              Activation{.kind = Kind::hard_sigmoid, .alpha = 1.0F / 6.0F, .beta = 0.5F},
              Activation{.kind = Kind::hard_sigmoid, .alpha = 0.2F, .beta = 0.5F}, Activation{.kind = Kind::hard_swish},
              Activation{.kind = Kind::swish, .alpha = 1.0F}, Activation{.kind = Kind::swish, .alpha = 1.702F},
              Activation{.kind = Kind::mish}, Activation{.kind = Kind::gelu}, Activation{.kind = Kind::gelu_tanh},
              Activation{.kind = Kind::softplus}}) {
            result.push_back({function, values_of(function, {points()})});
        }
        return result;
    }();
    return known;
}

bool alike(const Tensor& a, const Tensor& b) {
    constexpr float kRoundings = 2e-6F;
    for (std::int64_t i = 0; i < kPoints; ++i) {
        if (!(std::abs(a[i] - b[i]) <= kRoundings * std::max(1.0F, std::abs(a[i])))) return false;
    }
    return true;
}

/// What an operator on these inputs is as a function of one value, where it is; and whether other operators lie
/// between.
struct Composition {
    SampledFunction function;
    bool is_composed = false;
};

std::optional<Composition> composition(NodeImport& node, const Operator& op, const std::vector<ValueId>& inputs) {
    const auto& functions = node.state().functions;
    std::optional<ValueId> source;
    std::vector<Tensor> values;
    Composition result;
    for (const ValueId input : inputs) {
        if (const Tensor* parameter = node.graph().parameter(input)) {
            if (parameter->elements() != 1) return std::nullopt;
            values.emplace_back(Shape{}, parameter->values());
            continue;
        }
        // What is rounded is where functions begin.
        const auto found = node.graph().quantizer(input) ? functions.end() : functions.find(input);
        const ValueId origin = found == functions.end() ? input : found->second.source;
        if (source && *source != origin) return std::nullopt;
        source = origin;
        result.is_composed = result.is_composed || found != functions.end();
        values.push_back(found == functions.end() ? points() : found->second.values);
    }
    if (!source) return std::nullopt;
    for (const ValueId input : inputs) {
        if (node.graph().rank(input) > node.graph().rank(*source)) return std::nullopt;
    }
    result.function = {*source, values_of(op, values)};
    return result;
}

/// Adds the operator, or the known function that it completes.
ValueId add_function(NodeImport& node, const Operator& op, const std::vector<ValueId>& inputs) {
    const auto composed = composition(node, op, inputs);
    if (!composed) return node.graph().add(op, inputs);
    const ValueId source = composed->function.source;
    const auto known = std::ranges::find_if(known_functions(), [&](const KnownFunction& candidate) {
        return composed->is_composed && alike(candidate.values, composed->function.values);
    });
    const ValueId result =
        known == known_functions().end() ? node.graph().add(op, inputs) : node.graph().add(known->function, {source});
    node.state().functions.emplace(result, composed->function);
    return result;
}

// -----------------------------------------------------------------------------------------------------------------
// Transposes

/// How all inputs but parameters are transposed.
std::optional<std::vector<int>> common_transpose(GraphBuilder& graph, const std::vector<ValueId>& inputs) {
    std::optional<std::vector<int>> result;
    for (const ValueId input : inputs) {
        if (graph.parameter(input) != nullptr) continue;
        const Node* producer = graph.producer(input);
        const auto* transpose = producer == nullptr ? nullptr : std::get_if<Transpose>(&producer->op);
        if (transpose == nullptr || (result && *result != transpose->permutation)) return std::nullopt;
        result = transpose->permutation;
    }
    return result;
}

/// A parameter that broadcasts to transposed values as one that broadcasts to what they are made of.
ValueId untransposed(GraphBuilder& graph, ValueId parameter, std::span<const int> permutation) {
    Tensor values = *graph.parameter(parameter);
    if (values.elements() == 1) return parameter;
    const int rank = static_cast<int>(permutation.size());
    std::vector<int> inverse(permutation.size());
    for (int axis = 0; axis < rank; ++axis)
        inverse[static_cast<std::size_t>(permutation[static_cast<std::size_t>(axis)])] = axis;
    values.reshape(with_leading_ones(values.shape(), rank));
    values = permuted(values, inverse);
    values.reshape(without_leading_ones(values.shape()));
    return graph.add_parameter(graph.name(parameter), std::move(values));
}

}  // namespace

ValueId add_elementwise(NodeImport& node, const Operator& op, std::vector<ValueId> inputs) {
    GraphBuilder& graph = node.graph();
    const auto permutation = common_transpose(graph, inputs);
    const auto fits = [&](ValueId input) { return graph.rank(input) <= static_cast<int>(permutation->size()); };
    const auto add = [&] {
        const auto* arithmetic = std::get_if<Arithmetic>(&op);
        if (arithmetic != nullptr && arithmetic->kind == Arithmetic::Kind::divide) {
            if (const auto y = spelled_out_normalization(graph, inputs[0], inputs[1])) return *y;
        }
        return add_function(node, op, inputs);
    };
    if (!permutation || !std::ranges::all_of(inputs, fits)) return add();
    for (ValueId& input : inputs) {
        input = graph.parameter(input) == nullptr ? graph.producer(input)->inputs.front()
                                                  : untransposed(graph, input, *permutation);
    }
    return graph.transpose(add(), *permutation, "/layout");
}

}  // namespace eigenbit::internal
