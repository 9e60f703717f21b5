#include "engine/passes/quantizer_candidates.h"

#include "engine/base/format.h"
#include "engine/graph/layer_view.h"
#include "engine/passes/expand_products.h"

#include <algorithm>
#include <iterator>
#include <set>

namespace eigenbit::internal {
namespace {

constexpr int kMostBits = 8;

/// Why int8 execution computes a layer's node in floats; none where it does not.
std::optional<FloatLayer> float_layer(const Graph& graph, std::size_t node) {
    const std::string& name = graph.nodes()[node].name;
    const auto layer = layer_at(graph, node);
    if (!layer) return FloatLayer{name, "its weights are computed by the network"};
    if (graph.is_parameter(layer->input)) return FloatLayer{name, "its input is constant"};
    const auto quantizer = graph.activations().find(layer->input);
    if (quantizer == graph.activations().end()) return FloatLayer{name, "its input has no quantizer", true};
    const int bits = quantizer->second.bit_depth;
    if (bits > kMostBits)
        return FloatLayer{name, formatted("its input has a quantizer of {} bits, above {}", bits, kMostBits)};
    return std::nullopt;
}

/// Whether the node averages whole images: of each channel it leaves one mean.
bool averages_images(const Node& node, std::span<const Shape> shapes) {
    if (int8_form(node.op) != Int8::averages) return false;
    if (const auto* const reduce = std::get_if<Reduce>(&node.op)) return reduce->axes == std::vector{1, 2};
    return shapes[static_cast<std::size_t>(node.outputs.front())].elements(1, 3) == 1;
}

/// What layers compute, and what additions, functions of single elements and moves of these make of it: rounding to
/// bytes is then a part of a step. Not so differences and products of values.
std::set<ValueId> values_of_layers(const Graph& graph) {
    std::set<ValueId> values;
    for (const Node& node : graph.nodes()) {
        const auto* const arithmetic = std::get_if<Arithmetic>(&node.op);
        const bool adds = arithmetic && arithmetic->kind == Arithmetic::Kind::add;
        const Int8 form = int8_form(node.op);
        const bool passes_on = adds || (form != Int8::none && form != Int8::averages);
        const auto is_of_layer = [&](ValueId input) { return values.contains(input); };
        if (is_layer(node.op) || (passes_on && std::ranges::any_of(node.inputs, is_of_layer))) {
            values.insert(node.outputs.begin(), node.outputs.end());
        }
    }
    return values;
}

/// Whether the node splits what a layer computes, nothing else reads that, and all parts would be rounded, or be moved
/// into what is: one rounding does for all of them, and the layer outputs bytes.
bool one_rounding_does(const Graph& graph, const GraphUses& uses, const Node& node, const std::set<ValueId>& of_layers,
                       const std::set<ValueId>& wanted) {
    if (!std::holds_alternative<Split>(node.op)) return false;
    const ValueId whole = node.inputs.front();
    if (!of_layers.contains(whole) || !uses.only_reader(whole)) return false;
    const auto is_wanted = [&](ValueId value) { return wanted.contains(value); };
    const auto moves_into_wanted = [&](std::size_t reader) {
        const Node& move = graph.nodes()[reader];
        return int8_form(move.op) == Int8::moves_bytes && std::ranges::all_of(move.outputs, is_wanted);
    };
    const auto would_be_rounded = [&](ValueId part) {
        if (graph.activations().contains(part)) return false;
        return is_wanted(part) || (!uses.is_output(part) && std::ranges::all_of(uses.readers(part), moves_into_wanted));
    };
    return std::ranges::any_of(node.outputs, is_wanted) && std::ranges::all_of(node.outputs, would_be_rounded);
}

}  // namespace

std::vector<ValueId> quantizer_candidates(const Graph& graph, std::span<const Shape> shapes) {
    const GraphUses uses(graph);
    std::set<ValueId> wanted;
    for (const LayerView& layer : layers_of(graph)) {
        if (!graph.is_parameter(layer.input)) wanted.insert(layer.input);
    }
    const std::set<ValueId> of_layers = values_of_layers(graph);
    const auto is_average = [&](std::size_t reader) { return averages_images(graph.nodes()[reader], shapes); };
    const auto is_only_averaged = [&](ValueId value) {
        return of_layers.contains(value) && !uses.is_output(value)
               && std::ranges::all_of(uses.readers(value), is_average);
    };
    for (const Node& node : graph.nodes()) {
        if (averages_images(node, shapes) && is_only_averaged(node.inputs.front())) wanted.insert(node.inputs.front());
        const auto* const arithmetic = std::get_if<Arithmetic>(&node.op);
        if (!arithmetic || arithmetic->kind != Arithmetic::Kind::add) continue;
        const auto first = layer_behind(graph, uses, node.inputs[0]);
        const auto second = layer_behind(graph, uses, node.inputs[1]);
        if (!first || !second || first->node == second->node) continue;
        const std::size_t earlier = first->node < second->node ? 0 : 1;
        if (uses.only_reader(node.inputs[earlier])) wanted.insert(node.inputs[1 - earlier]);
    }
    for (std::size_t i = graph.nodes().size(); i-- > 0;) {
        const Node& node = graph.nodes()[i];
        if (!one_rounding_does(graph, uses, node, of_layers, wanted)) continue;
        for (const ValueId part : node.outputs) wanted.erase(part);
        wanted.insert(node.inputs.front());
    }
    std::vector<ValueId> values;
    for (const Graph::Input& input : graph.inputs()) {
        if (wanted.contains(input.value)) values.push_back(input.value);
    }
    for (const Node& node : graph.nodes()) {
        std::ranges::copy_if(node.outputs, std::back_inserter(values), [&](ValueId v) { return wanted.contains(v); });
    }
    return values;
}

void quantize_candidate(Graph& graph, ValueId value, const ActivationQuantizer& quantizer) {
    graph.quantize_activation(value, quantizer);
    const std::optional<std::size_t> reader = GraphUses(graph).only_reader(value);
    if (!reader || !std::holds_alternative<Split>(graph.nodes()[*reader].op)) return;
    for (const ValueId part : std::vector(graph.nodes()[*reader].outputs)) quantize_candidate(graph, part, quantizer);
}

std::vector<FloatLayer> float_layers(const Graph& graph) {
    Graph expanded = graph;
    expand_products(expanded);
    std::vector<FloatLayer> layers;
    for (std::size_t i = 0; i < expanded.nodes().size(); ++i) {
        if (!is_layer(expanded.nodes()[i].op)) continue;
        if (auto layer = float_layer(expanded, i)) layers.push_back(*std::move(layer));
    }
    return layers;
}

bool is_int8_layer(const Graph& graph, std::size_t node) { return !float_layer(graph, node); }

bool runs_in_int8(const Graph& graph) {
    return !graph.activations().empty() && std::ranges::none_of(float_layers(graph), &FloatLayer::lacks_quantizer);
}

}  // namespace eigenbit::internal
