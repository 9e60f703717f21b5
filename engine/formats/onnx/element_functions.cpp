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

Activation gelu(const OnnxNode& node) {
    const std::string approximation = node.text("approximate").value_or("none");
    if (approximation == "none") return {.kind = Kind::gelu};
    if (approximation != "tanh") fail("the approximation '{}' is not supported", approximation);
    return {.kind = Kind::gelu_tanh};
}

using FunctionTable = std::map<std::string_view, Activation (*)(const OnnxNode&)>;

const FunctionTable& functions() {
    static const FunctionTable table = {
        {"Abs", plain<Kind::abs>},
        {"Ceil", plain<Kind::ceil>},
        {"Celu", [](const OnnxNode& node) { return with_alpha<Kind::celu>(node, 1.0F); }},
        {"Clip", clip},
        {"Cos", plain<Kind::cos>},
        {"Elu", [](const OnnxNode& node) { return with_alpha<Kind::elu>(node, 1.0F); }},
        {"Erf", plain<Kind::erf>},
        {"Exp", plain<Kind::exp>},
        {"Floor", plain<Kind::floor>},
        {"Gelu", gelu},
        {"HardSigmoid",
         [](const OnnxNode& node) {
             return Activation{.kind = Kind::hard_sigmoid,
                               .alpha = node.real("alpha").value_or(0.2F),
                               .beta = node.real("beta").value_or(0.5F)};
         }},
        {"HardSwish", plain<Kind::hard_swish>},
        {"LeakyRelu", [](const OnnxNode& node) { return with_alpha<Kind::leaky_relu>(node, 0.01F); }},
        {"Log", plain<Kind::log>},
        {"Mish", plain<Kind::mish>},
        {"Neg", [](const OnnxNode&) { return Activation{.kind = Kind::linear, .alpha = -1.0F}; }},
        {"Not", [](const OnnxNode&) { return Activation{.kind = Kind::linear, .alpha = -1.0F, .beta = 1.0F}; }},
        {"Reciprocal", plain<Kind::reciprocal>},
        {"Relu", plain<Kind::relu>},
        {"Round", plain<Kind::round>},
        {"Selu",
         [](const OnnxNode& node) {
             return Activation{.kind = Kind::selu,
                               .alpha = node.real("alpha").value_or(1.67326319F),
                               .beta = node.real("gamma").value_or(1.05070102F)};
         }},
        {"Sigmoid", plain<Kind::sigmoid>},
        {"Sign", plain<Kind::sign>},
        {"Sin", plain<Kind::sin>},
        {"Softplus", plain<Kind::softplus>},
        {"Softsign", plain<Kind::softsign>},
        {"Sqrt", plain<Kind::sqrt>},
        {"Swish", [](const OnnxNode& node) { return with_alpha<Kind::swish>(node, 1.0F); }},
        {"Tanh", plain<Kind::tanh>},
        {"ThresholdedRelu", [](const OnnxNode& node) { return with_alpha<Kind::thresholded_relu>(node, 1.0F); }},
    };
    return table;
}

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

template <typename Table>
std::vector<std::string_view> keys(const Table& table) {
    std::vector<std::string_view> result;
    for (const auto& [type, entry] : table) result.push_back(type);
    return result;
}

}  // namespace

std::span<const std::string_view> function_types() {
    static const std::vector<std::string_view> types = keys(functions());
    return types;
}

Activation function_of(const OnnxNode& node) { return functions().at(node.proto.op_type())(node); }

std::span<const std::string_view> reduction_types() {
    static const std::vector<std::string_view> types = keys(reductions());
    return types;
}

Reduce reduction_of(const OnnxNode& node, int rank) {
    Reduce reduce{reductions().at(node.proto.op_type()), {}, node.integer("keepdims").value_or(1) != 0};
    const auto axes = node.integers("axes", 1);
    const bool is_none = !axes || axes->empty();
    if (!is_none || node.integer("noop_with_empty_axes").value_or(0) == 0) reduce.axes = normalized_axes(axes, rank);
    return reduce;
}

}  // namespace eigenbit::internal
