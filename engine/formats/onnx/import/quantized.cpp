#include "engine/formats/onnx/import/quantized.h"

#include "engine/base/error.h"
#include "engine/formats/onnx/file.h"
#include "engine/formats/onnx/fold/arithmetic.h"
#include "engine/formats/onnx/shapes.h"
#include "engine/graph/layer_view.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <map>
#include <optional>
#include <string_view>

namespace eigenbit::internal {
namespace {

const Constant& single(const OnnxNode& node, int input, std::string_view role) {
    const Constant& constant = node.constant(input);
    if (constant.shape.elements() != 1) {
        fail("activations that have a {} for each channel are not supported: it has shape {}", role,
             to_string(constant.shape));
    }
    return constant;
}

/// The quantizer of inputs `scale` and scale + 1, a zero point.
ActivationQuantizer quantizer_of(const OnnxNode& node, int scale) {
    std::int64_t type = node.integer("output_dtype").value_or(onnx::TensorProto::UINT8);
    std::int64_t zero_point = 0;
    if (node.has_input(scale + 1)) {
        const Constant& point = single(node, scale + 1, "zero point");
        zero_point = point.integers().front();
        if (point.element_type != 0) type = point.element_type;
    }
    const auto [lowest, highest] = level_range(type);
    const ActivationQuantizer quantizer{static_cast<int>(std::bit_width(static_cast<std::uint32_t>(highest - lowest))),
                                        scalar(single(node, scale, "scale")),
                                        static_cast<std::int32_t>(zero_point - lowest)};
    validate(quantizer);
    return quantizer;
}

/// Whether a clip cuts a quantizer down to one of fewer bits, as we write such.
std::optional<ActivationQuantizer> narrowed(const ActivationQuantizer& wide, const Activation& clip) {
    if (clip.kind != Activation::Kind::clip) return std::nullopt;
    for (int bit_depth = 1; bit_depth < wide.bit_depth; ++bit_depth) {
        const ActivationQuantizer narrow{bit_depth, wide.step, wide.zero_point};
        if (narrow.lowest() == clip.alpha && narrow.highest() == clip.beta) return narrow;
    }
    return std::nullopt;
}

/// Whether a node computes values that no activation function has bounded.
bool may_saturate(const Node* producer) {
    return producer != nullptr && !std::holds_alternative<Activation>(producer->op)
           && (is_layer(producer->op) || std::holds_alternative<Arithmetic>(producer->op)
               || std::holds_alternative<MatMul>(producer->op)
               || std::holds_alternative<BatchNormalization>(producer->op));
}

/// The input as a value that nothing but what reads its rounded values reads.
ValueId rounded_value(NodeImport& node, ActivationQuantizer quantizer) {
    GraphBuilder& graph = node.graph();
    ImportState& state = node.state();
    ValueId value = node.value(0);
    const bool is_alone = node.is_only_use(0);
    if (graph.quantizer(value) == quantizer) return value;
    const auto known = state.rounded.find({value, quantizer.bit_depth, quantizer.step, quantizer.zero_point});
    if (known != state.rounded.end()) return known->second;
    const ValueId read = value;
    const Node* producer = graph.producer(value);
    const auto* clip = producer == nullptr ? nullptr : std::get_if<Activation>(&producer->op);
    const auto narrow = clip == nullptr || !is_alone ? std::nullopt : narrowed(quantizer, *clip);
    if (narrow && !graph.quantizer(producer->inputs.front()) && state.is_read_once(producer->inputs.front())) {
        value = producer->inputs.front();
        quantizer = *narrow;
    } else if (!is_alone || graph.quantizer(value) || may_saturate(producer)) {
        // A value of its own, clipped as the quantizer does: others may read what is not rounded, and where activations
        // stay floats, the quantizer may be all that there is of a ReLU.
        value = graph.add(
            Activation{.kind = Activation::Kind::clip, .alpha = quantizer.lowest(), .beta = quantizer.highest()},
            {value});
    }
    graph.round(value, quantizer);
    state.rounded[{read, quantizer.bit_depth, quantizer.step, quantizer.zero_point}] = value;
    return value;
}

void import_quantize(NodeImport& node) {
    const OnnxNode& attributes = node.fixed();
    const ActivationQuantizer quantizer = quantizer_of(attributes, 1);
    const bool has_zero_point = attributes.has_input(2) && attributes.constant(2).integers().front() != 0;
    node.state().levels[node.proto().output(0)] = {rounded_value(node, quantizer), quantizer, has_zero_point};
}

const RoundedLevels& levels_named(const ImportState& state, const std::string& name) {
    const auto found = state.levels.find(name);
    if (found == state.levels.end()) fail("its input '{}' is not the output of a quantizer", name);
    return found->second;
}

void import_dequantize(ImportState& state, const onnx::NodeProto& proto) {
    const RoundedLevels levels = levels_named(state, proto.input(0));
    onnx::NodeProto reader = proto;
    reader.set_input(0, "");
    const NodeImport node(reader, state);
    // Without a zero point the levels' own type holds.
    ActivationQuantizer read = levels.quantizer;
    if (node.has_input(2)) read = quantizer_of(node.fixed(), 1);
    read.step = scalar(single(node.fixed(), 1, "scale"));
    if (!(read == levels.quantizer) || (!node.has_input(2) && levels.has_zero_point))
        fail("it takes levels for other values than those that were rounded to them");
    state.values[proto.output(0)] = ImportedValue{.constants = {}, .activation = levels.value, .columns = {}};
}

onnx::NodeProto made_node(ImportState& state, const std::string& type, const std::vector<std::string>& inputs,
                          const std::string& output) {
    onnx::NodeProto node;
    node.set_op_type(type);
    node.set_name(output);
    for (const std::string& input : inputs) node.add_input(input);
    node.add_output(output);
    ++state.readers[output];
    return node;
}

void set_axis(onnx::NodeProto& node, std::int64_t value) {
    auto& axis = *node.add_attribute();
    axis.set_name(std::string("axis"));
    axis.set_type(onnx::AttributeProto::INT);
    axis.set_i(value);
}

/// The int32 bias of a QLinearConv, in units of the input's step times the weights' steps.
std::string dequantized_bias(ImportState& state, const onnx::NodeProto& proto, const std::string& name) {
    onnx::NodeProto reader;
    for (const int input : {1, 4, 8}) reader.add_input(proto.input(input));
    const NodeImport node(reader, state);
    const float input_step = scalar(node.fixed().constant(0));
    const Constant& given = node.fixed().constant(1);
    const Constant& bias = node.fixed().constant(2);
    const Constant weight_steps =
        expanded(given.shape.elements() == 1 ? Constant{Shape{1}, given.values} : given, bias.shape);
    std::vector<float> values = as_reals(bias);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] *= input_step * weight_steps.reals()[i];
    state.values[name].constants.assign(state.probes,
                                        std::make_shared<Constant>(Constant{bias.shape, std::move(values)}));
    return name;
}

/// QLinearConv and QLinearMatMul, as what they stand for: the product of dequantized operands, quantized again.
void import_linear(ImportState& state, const onnx::NodeProto& proto, ImportNode import_node) {
    const bool is_conv = proto.op_type() == "QLinearConv";
    if (proto.input_size() < 8) fail("it has {} inputs, 8 were expected", proto.input_size());
    const std::string base = proto.output(0);
    onnx::NodeProto a =
        made_node(state, "DequantizeLinear", {proto.input(0), proto.input(1), proto.input(2)}, base + ":a");
    onnx::NodeProto b =
        made_node(state, "DequantizeLinear", {proto.input(3), proto.input(4), proto.input(5)}, base + ":b");
    set_axis(b, is_conv ? 0 : 1);
    import_node(state, a);
    import_node(state, b);
    onnx::NodeProto product = made_node(state, is_conv ? "Conv" : "MatMul", {base + ":a", base + ":b"}, base + ":y");
    product.set_name(node_name(proto));
    if (is_conv && proto.input_size() > 8 && !proto.input(8).empty()) {
        product.add_input(dequantized_bias(state, proto, base + ":bias"));
    }
    *product.mutable_attribute() = proto.attribute();
    import_node(state, product);
    import_node(state, made_node(state, "QuantizeLinear", {base + ":y", proto.input(6), proto.input(7)}, base));
}

/// The axis of what a product outputs, and of its weights, that goes through output channels.
std::int64_t weight_channel_axis(const onnx::NodeProto& product) { return product.op_type() == "ConvInteger" ? 0 : 1; }

/// The constant by which a product of levels is multiplied, as the scale of the weights: one, or a list of one for each
/// output channel.
std::string weight_scale(ImportState& state, const onnx::NodeProto& product, const DynamicValue& scale,
                         const std::string& name) {
    Constant steps{Shape{}, std::vector{1.0F}};
    if (!scale.factor.empty()) {
        onnx::NodeProto reader;
        reader.add_input(scale.factor);
        steps = NodeImport(reader, state).fixed().constant(0);
        const int rank = product.op_type() == "ConvInteger" ? 4 : 2;
        const std::int64_t count = steps.shape.elements();
        if (count != 1 && (steps.shape.rank() > rank || with_leading_ones(steps.shape, rank)[1] != count)) {
            fail("its products are scaled by values of shape {}, one for each output channel was expected",
                 to_string(steps.shape));
        }
        steps.shape = count == 1 ? Shape{} : Shape{count};
    }
    state.values[name].constants.assign(state.probes, std::make_shared<Constant>(std::move(steps)));
    return name;
}

/// A product of levels, times the scale of these: that of the values and of dequantized weights.
void import_scaled_product(ImportState& state, const onnx::NodeProto& proto, const DynamicValue& product,
                           const DynamicValue& scale, ImportNode import_node) {
    const onnx::NodeProto& node = product.node;
    const std::string base = proto.output(0);
    std::vector<std::string> weights{node.input(1), weight_scale(state, node, scale, base + ":scale")};
    if (node.input_size() > 3 && !node.input(3).empty()) weights.push_back(node.input(3));
    onnx::NodeProto dequantize = made_node(state, "DequantizeLinear", weights, base + ":weights");
    set_axis(dequantize, weight_channel_axis(node));
    import_node(state, dequantize);
    onnx::NodeProto layer = made_node(state, node.op_type() == "ConvInteger" ? "Conv" : "MatMul",
                                      {product.rounded, base + ":weights"}, base);
    layer.set_name(node_name(node));
    *layer.mutable_attribute() = node.attribute();
    import_node(state, layer);
}

/// DynamicQuantizeLinear, and what computes with what it outputs. The steps by which activations are rounded follow
/// from their values, image by image: they stay as they are, and weights have their levels. False for other nodes.
bool import_dynamic(ImportState& state, const onnx::NodeProto& node, ImportNode import_node) {
    using Kind = DynamicValue::Kind;
    const auto find = [&](int input) -> const DynamicValue* {
        if (input >= node.input_size()) return nullptr;
        const auto found = state.dynamic.find(node.input(input));
        return found == state.dynamic.end() ? nullptr : &found->second;
    };
    if (node.op_type() == "DynamicQuantizeLinear") {
        if (node.input_size() != 1) fail("it has {} inputs, 1 was expected", node.input_size());
        const std::array kinds{Kind::levels, Kind::scale, Kind::zero_point};
        for (int i = 0; i < std::min(node.output_size(), 3); ++i) {
            state.dynamic[node.output(i)] = {.kind = kinds[static_cast<std::size_t>(i)], .rounded = node.input(0)};
        }
        return true;
    }
    if (node.op_type() == "ConvInteger" || node.op_type() == "MatMulInteger") {
        const DynamicValue* levels = find(0);
        const DynamicValue* zero_point = find(2);
        if (node.input_size() < 3 || levels == nullptr || levels->kind != Kind::levels || zero_point == nullptr
            || zero_point->kind != Kind::zero_point || zero_point->rounded != levels->rounded) {
            fail("it multiplies other levels than those of DynamicQuantizeLinear, with their zero point");
        }
        state.dynamic[node.output(0)] = {.kind = Kind::product, .rounded = levels->rounded, .node = node};
        return true;
    }
    const DynamicValue* a = find(0);
    const DynamicValue* b = find(1);
    if (node.op_type() == "Cast" && a != nullptr && a->kind == Kind::product) {
        state.dynamic[node.output(0)] = DynamicValue(*a);
        return true;
    }
    if (node.op_type() != "Mul" || node.input_size() != 2 || (a == nullptr && b == nullptr)) return false;
    if (a == nullptr || (b != nullptr && b->kind == Kind::product)) std::swap(a, b);
    if (b == nullptr && a->kind == Kind::scale && a->factor.empty()) {
        const std::string factor = node.input(find(0) == nullptr ? 0 : 1);
        state.dynamic[node.output(0)] = {.kind = Kind::scale, .rounded = a->rounded, .factor = factor};
        return true;
    }
    if (b == nullptr || a->kind != Kind::product || b->kind != Kind::scale || a->rounded != b->rounded) return false;
    import_scaled_product(state, node, DynamicValue(*a), DynamicValue(*b), import_node);
    return true;
}

/// The levels of a weight that is exactly such multiples of steps, one of each output channel; nothing for others.
std::optional<Quantized> levels_of(const Tensor& weight, std::span<const float> steps) {
    const std::int64_t channels = weight.shape()[0];
    if (steps.size() != 1 && std::ssize(steps) != channels) return std::nullopt;
    Quantized quantized{.shape = weight.shape(), .axis = 0, .blocks = {}, .levels = {}};
    const std::int64_t inner = weight.elements() / channels;
    for (std::int64_t channel = 0; channel < channels; ++channel) {
        const float step = steps[steps.size() == 1 ? 0 : static_cast<std::size_t>(channel)];
        std::vector<std::int32_t> levels;
        for (const float value :
             weight.values().subspan(static_cast<std::size_t>(channel * inner), static_cast<std::size_t>(inner))) {
            const float level = std::nearbyint(value / step);
            if (!(std::abs(level) < 256.0F) || level * step != value) return std::nullopt;
            levels.push_back(static_cast<std::int32_t>(level));
        }
        const auto [lowest, highest] = std::ranges::minmax(levels);
        // An asymmetric weight's levels lie around an offset.
        const bool is_centred = lowest >= -128 && highest < 128;
        const std::int32_t offset = is_centred ? 0 : (lowest + highest + 1) / 2;
        const std::uint32_t magnitude =
            static_cast<std::uint32_t>(std::max({highest - offset, offset - lowest - 1, 0}));
        const int bit_depth = static_cast<int>(std::bit_width(magnitude)) + 1;
        quantized.blocks.push_back({channel, channel + 1, bit_depth, step, static_cast<float>(offset)});
        for (const std::int32_t level : levels) quantized.levels.push_back(static_cast<std::int16_t>(level - offset));
    }
    return quantized;
}

}  // namespace

bool is_rounding(const onnx::NodeProto& node) {
    static constexpr std::array<std::string_view, 7> kTypes{
        "ConvInteger", "DequantizeLinear", "DynamicQuantizeLinear", "MatMulInteger",
        "QLinearConv", "QLinearMatMul",    "QuantizeLinear"};
    return std::ranges::find(kTypes, node.op_type()) != kTypes.end();
}

bool import_rounding(ImportState& state, const onnx::NodeProto& node, ImportNode import_node) {
    if (import_dynamic(state, node, import_node)) return true;
    if (!is_rounding(node) || node.input_size() < 2) return false;
    if (node.op_type().starts_with("QLinear")) {
        import_linear(state, node, import_node);
        return true;
    }
    const auto given = state.values.find(node.input(0));
    if (given != state.values.end() && given->second.is_constant()) return false;
    if (node.op_type() == "DequantizeLinear") {
        import_dequantize(state, node);
        return true;
    }
    if (given == state.values.end()) fail("it reads '{}' before that is computed", node.input(0));
    state.graph.begin_node(node_name(node));
    NodeImport quantize(node, state);
    import_quantize(quantize);
    return true;
}

void note_steps(ImportState& state, const onnx::NodeProto& node) {
    static constexpr std::array<std::string_view, 5> kMoves{"Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"};
    if (node.op_type() == "DequantizeLinear") {
        const NodeImport dequantize(node, state);
        state.steps[node.output(0)] = dequantize.at(0).constant(1).reals();
    } else if (std::ranges::find(kMoves, node.op_type()) != kMoves.end()) {
        const auto steps = state.steps.find(node.input(0));
        if (steps != state.steps.end()) state.steps[node.output(0)] = std::vector<float>(steps->second);
    }
}

void keep_levels(const ImportState& state, Graph& graph) {
    for (const LayerView& layer : layers_of(graph)) {
        Weight& weight = graph.parameter(layer.weight);
        const auto steps = state.parameter_steps.find(layer.weight);
        if (steps == state.parameter_steps.end() || !weight.is_float()) continue;
        if (auto levels = levels_of(weight.values(), steps->second)) weight = std::move(*levels);
    }
}

}  // namespace eigenbit::internal
