#include "include/eigenbit/inspection.hpp"

#include "api/cpp/state.h"
#include "api/image_size.h"
#include "engine/formats/ebit/ebit.h"
#include "engine/graph/layer_view.h"
#include "engine/passes/prepare_for_inference.h"
#include "engine/passes/quantizer_candidates.h"
#include "engine/program/program.h"

#include <algorithm>
#include <concepts>
#include <memory>
#include <ranges>
#include <span>
#include <string_view>

namespace eigenbit {
inline namespace v1 {
namespace {

/// Collects attributes by name.
class AttributeCollector {
  public:
    explicit AttributeCollector(std::vector<Attribute>& attributes) : attributes_(attributes) {}

    void operator()(std::string_view name, const auto& value) { add(name, value_of(value)); }
    template <typename Item>
    requires requires { &Item::template fields<const Item&, AttributeCollector&>; }
    void operator()(std::string_view name, const std::vector<Item>& items) {
        std::vector<std::vector<Attribute>> list;
        for (const Item& item : items) item.fields(item, AttributeCollector(list.emplace_back()));
        add(name, std::move(list));
    }
    template <typename Enum>
    void operator()(std::string_view name, Enum value, std::span<const std::string_view> names) {
        add(name, std::string(names[static_cast<std::size_t>(value)]));
    }

  private:
    static AttributeValue value_of(bool value) { return value; }
    static AttributeValue value_of(float value) { return value; }
    static AttributeValue value_of(std::integral auto value) { return static_cast<std::int64_t>(value); }
    static AttributeValue value_of(const std::vector<float>& values) { return values; }
    template <std::ranges::range Integers>
    static AttributeValue value_of(const Integers& integers) {
        return Extents(integers.begin(), integers.end());
    }
    void add(std::string_view name, AttributeValue value) {
        attributes_.push_back({std::string(name), std::move(value)});
    }

    std::vector<Attribute>& attributes_;
};

/// Channels along the axis that blocks cut whose values are all zero.
std::int64_t count_zero_channels(const internal::Quantized& weight) {
    const internal::Tensor values = image(weight);
    const std::int64_t channels = weight.shape[weight.axis];
    const std::int64_t inner = weight.shape.elements(weight.axis + 1, weight.shape.rank());
    std::vector<bool> zero(static_cast<std::size_t>(channels), true);
    for (std::int64_t i = 0; i < values.elements(); ++i) {
        if (values[i] != 0.0F) zero[static_cast<std::size_t>(i / inner % channels)] = false;
    }
    return std::ranges::count(zero, true);
}

/// `sizes` may be null.
LevelsOfLayer levels_of(const internal::Weight& weight, const internal::SizeLedger::Layer* sizes) {
    const internal::Quantized& kernel = *quantized_factors(weight).front();
    const auto [lowest, highest] = std::ranges::minmax(kernel.blocks, {}, &internal::QuantizedBlock::bit_depth);
    return {.lowest_bit_depth = lowest.bit_depth,
            .highest_bit_depth = highest.bit_depth,
            .weights = weight.elements(),
            .bytes = sizes == nullptr ? 0 : sizes->weight_bytes(),
            .channels = kernel.shape[kernel.axis],
            .zero_channels = count_zero_channels(kernel)};
}

/// For an input: what depends on parameters alone is computed once.
std::int64_t macs_per_input(const internal::Graph& graph, const internal::Node& node,
                            std::span<const internal::Shape> shapes) {
    const bool once =
        std::ranges::all_of(node.inputs, [&](internal::ValueId input) { return graph.is_parameter(input); });
    return once ? 0 : multiply_accumulates(node, shapes);
}

std::vector<LayerInspection> layers_of(const internal::Graph& graph, const std::vector<internal::Shape>& shapes,
                                       const internal::SizeLedger& sizes) {
    std::vector<LayerInspection> layers;
    for (const internal::Node& node : graph.nodes()) {
        LayerInspection layer{.name = node.name,
                              .type = std::string(type_name(node.op)),
                              .is_layer = is_layer(node.op),
                              .output = extents_of(shapes[static_cast<std::size_t>(node.outputs.front())]),
                              .multiply_accumulates = macs_per_input(graph, node, shapes)};
        visit_fields(node.op, AttributeCollector(layer.attributes));
        const auto quantizer = graph.activations().find(node.inputs.front());
        if (quantizer != graph.activations().end()) layer.input_bits = quantizer->second.bit_depth;
        const auto charged = std::ranges::find(sizes.layers(), node.name, &internal::SizeLedger::Layer::name);
        for (const internal::ValueId input : node.inputs) {
            if (!graph.is_parameter(input)) continue;
            const internal::Weight& weight = graph.parameter(input);
            if (layer.weight.empty()) layer.weight = extents_of(weight.shape());
            layer.parameters += weight.elements();
            if (weight.is_float()) continue;
            layer.levels = levels_of(weight, charged == sizes.layers().end() ? nullptr : &*charged);
        }
        if (layer.weight.empty() && layer.multiply_accumulates > 0) {
            layer.weight = extents_of(shapes[static_cast<std::size_t>(node.inputs[1])]);
        }
        if (!layer.weight.empty()) layers.push_back(std::move(layer));
    }
    return layers;
}

WeightMemory memory_of(internal::Graph graph, std::span<const internal::Shape> inputs) {
    prepare_for_inference(graph);
    const std::shared_ptr<const internal::Program> program = compile(graph, inputs, internal::Execution::int8);
    WeightMemory memory{.bytes = program->weight_bytes()};
    for (const internal::Step& step : program->steps()) memory.weights += step.weights;
    return memory;
}

}  // namespace

Inspection inspect(const Model& model) {
    return translated([&] {
        const internal::Graph& graph = model.state().model.graph;
        internal::SizeLedger sizes;
        if (model.state().storage) sizes = internal::encode_ebit(model.state().model, *model.state().storage).sizes;
        const std::vector<internal::Shape> inputs = internal::input_shapes(graph, 1, model.state().size);
        Inspection result{.layers = layers_of(graph, infer_shapes(graph, inputs), sizes),
                          .has_activation_quantizers = !graph.activations().empty()};
        for (const internal::Shape& shape : inputs) result.inputs.push_back(extents_of(shape));
        for (const LayerInspection& layer : result.layers) {
            result.parameters += layer.parameters;
            result.multiply_accumulates += layer.multiply_accumulates;
        }
        if (runs_in_int8(graph)) result.memory = memory_of(graph, inputs);
        if (sizes.layers().empty()) return result;
        for (std::size_t i = 0; i < internal::kSizeCategories; ++i) {
            const auto category = static_cast<internal::SizeCategory>(i);
            result.bytes.emplace_back(to_string(category), sizes.total(category));
        }
        return result;
    });
}

}  // namespace v1
}  // namespace eigenbit
