#include "engine/formats/onnx/element_functions.h"

#include "engine/base/error.h"

#include <algorithm>
#include <limits>
#include <map>

namespace eigenbit::internal {
namespace {

using Kind = Activation::Kind;

template <Kind kind>
Activation plain(const OnnxNode&) {
    return {.kind = kind};
}

/// With one attribute.
template <Kind kind>
Activation with_alpha(const OnnxNode& node, float otherwise) {
    return {.kind = kind, .alpha = node.real("alpha").value_or(otherwise)};
}

Activation clip(const OnnxNode& node) {
    constexpr float kLargest = std::numeric_limits<float>::max();
    return {.kind = Kind::clip,
            .alpha = std::max(-kLargest, node.real("min", 1).value_or(-kLargest)),
            .beta = std::min(kLargest, node.real("max", 2).value_or(kLargest))};
}

Activation hard_sigmoid(const OnnxNode& node) {
    return {.kind = Kind::hard_sigmoid,
            .alpha = node.real("alpha").value_or(0.2F),
            .beta = node.real("beta").value_or(0.5F)};
}

Activation selu(const OnnxNode& node) {
    return {.kind = Kind::selu,
            .alpha = node.real("alpha").value_or(1.67326319F),
            .beta = node.real("gamma").value_or(1.05070102F)};
}

Activation gelu(const OnnxNode& node) {
    const std::string approximation = node.text("approximate").value_or("none");
    if (approximation == "none") return {.kind = Kind::gelu};
    if (approximation != "tanh") fail("the approximation '{}' is not supported", approximation);
    return {.kind = Kind::gelu_tanh};
}

}  // namespace

const std::map<std::string_view, ElementFunction>& element_functions() {
    static const std::map<std::string_view, ElementFunction> table = {
        {"Abs", {plain<Kind::abs>}},
        {"Ceil", {plain<Kind::ceil>}},
        {"Celu", {[](const OnnxNode& node) { return with_alpha<Kind::celu>(node, 1.0F); }, "alpha", 12}},
        {"Clip", {clip, "max min"}},
        {"Cos", {plain<Kind::cos>}},
        {"Elu", {[](const OnnxNode& node) { return with_alpha<Kind::elu>(node, 1.0F); }, "alpha"}},
        {"Erf", {plain<Kind::erf>, "", 9}},
        {"Exp", {plain<Kind::exp>}},
        {"Floor", {plain<Kind::floor>}},
        {"Gelu", {gelu, "approximate", 20}},
        {"HardSigmoid", {hard_sigmoid, "alpha beta"}},
        {"HardSwish", {plain<Kind::hard_swish>, "", 14}},
        {"LeakyRelu", {[](const OnnxNode& node) { return with_alpha<Kind::leaky_relu>(node, 0.01F); }, "alpha"}},
        {"Log", {plain<Kind::log>}},
        {"Mish", {plain<Kind::mish>, "", 18}},
        {"Neg", {[](const OnnxNode&) { return Activation{.kind = Kind::linear, .alpha = -1.0F}; }}},
        {"Not", {[](const OnnxNode&) { return Activation{.kind = Kind::linear, .alpha = -1.0F, .beta = 1.0F}; }}},
        {"Reciprocal", {plain<Kind::reciprocal>}},
        {"Relu", {plain<Kind::relu>}},
        {"Round", {plain<Kind::round>, "", 11}},
        {"Selu", {selu, "alpha gamma"}},
        {"Sigmoid", {plain<Kind::sigmoid>}},
        {"Sign", {plain<Kind::sign>, "", 9}},
        {"Sin", {plain<Kind::sin>}},
        {"Softplus", {plain<Kind::softplus>}},
        {"Softsign", {plain<Kind::softsign>}},
        {"Sqrt", {plain<Kind::sqrt>}},
        {"Swish", {[](const OnnxNode& node) { return with_alpha<Kind::swish>(node, 1.0F); }, "alpha", 24}},
        {"Tanh", {plain<Kind::tanh>}},
        {"ThresholdedRelu",
         {[](const OnnxNode& node) { return with_alpha<Kind::thresholded_relu>(node, 1.0F); }, "alpha", 10}},
    };
    return table;
}

Activation function_of(const OnnxNode& node) { return element_functions().at(node.proto.op_type()).of(node); }

const std::map<std::string_view, Reduce::Kind>& reductions() {
    static const std::map<std::string_view, Reduce::Kind> table = {
        {"ReduceL1", Reduce::Kind::l1},          {"ReduceL2", Reduce::Kind::l2},
        {"ReduceLogSum", Reduce::Kind::log_sum}, {"ReduceLogSumExp", Reduce::Kind::log_sum_exp},
        {"ReduceMax", Reduce::Kind::maximum},    {"ReduceMean", Reduce::Kind::mean},
        {"ReduceMin", Reduce::Kind::minimum},    {"ReduceProd", Reduce::Kind::product},
        {"ReduceSum", Reduce::Kind::sum},        {"ReduceSumSquare", Reduce::Kind::sum_square},
    };
    return table;
}

Reduce reduction_of(const OnnxNode& node, int rank) {
    Reduce reduce{reductions().at(node.proto.op_type()), {}, node.integer("keepdims").value_or(1) != 0};
    const auto axes = node.integers("axes", 1);
    const bool is_none = !axes || axes->empty();
    if (!is_none || node.integer("noop_with_empty_axes").value_or(0) == 0) reduce.axes = normalized_axes(axes, rank);
    return reduce;
}

}  // namespace eigenbit::internal
