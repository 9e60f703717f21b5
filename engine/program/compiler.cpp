#include "engine/base/error.h"
#include "engine/graph/layer_view.h"
#include "engine/graph/uses.h"
#include "engine/passes/fuse.h"
#include "engine/program/int8_layer.h"
#include "engine/program/int8_quantizers.h"
#include "engine/program/pooled_strips.h"
#include "engine/program/program.h"
#include "engine/program/quantize_prologue.h"

#include <tbb/parallel_for.h>

#include <algorithm>
#include <limits>
#include <map>

namespace eigenbit::internal {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

}  // namespace

/// Builds a program step by step. A value with a quantizer lies in bytes, and in floats too where a step reads those;
/// other values lie in floats.
class Compiler {
  public:
    Compiler(const Graph& graph, std::span<const Shape> inputs, Execution execution,
             const CpuImplementation& implementation)
        : graph_(graph),
          uses_(graph),
          shapes_(infer_shapes(graph, inputs)),
          implementation_(implementation),
          deferred_(graph, shapes_) {
        program_.implementation_ = &implementation;
        if (execution == Execution::int8) quantizers_ = int8_quantizers(graph);
    }

    std::shared_ptr<const Program> run() && {
        for (const Graph::Input& input : graph_.inputs()) {
            program_.inputs_.push_back({graph_.name(input.value), new_buffer(input.value, false)});
            provide(input.value, program_.inputs_.back().buffer);
        }
        const auto takes_function = [&](const LayerView& layer, const Node& function) {
            return quantizer_of(layer.input) && function_of(function);
        };
        const std::vector<FusedNode> nodes = fuse(graph_, shapes_, takes_function);
        std::vector<std::optional<Int8Layer>> int8_layers = make_int8_layers(nodes);
        for (std::size_t i = 0; i < nodes.size(); ++i) add(nodes[i], std::move(int8_layers[i]));
        for (const ValueId output : graph_.outputs()) {
            if (graph_.is_parameter(output)) fail("The network outputs its parameter '{}'.", graph_.name(output));
            program_.outputs_.push_back(floats_of(output));
        }
        pool_in_strips(program_.steps_, program_.buffers_);
        program_.steps_.shrink_to_fit();
        program_.plan_arena();
        return std::make_shared<const Program>(std::move(program_));
    }

  private:
    const Shape& shape(ValueId value) const { return shapes_[static_cast<std::size_t>(value)]; }
    const ActivationQuantizer* quantizer_of(ValueId value) const {
        const auto found = quantizers_.find(value);
        return found == quantizers_.end() ? nullptr : &found->second;
    }

    BufferId new_buffer(ValueId value, bool is_bytes) {
        program_.buffers_.push_back({shape(value), is_bytes});
        return program_.buffers_.size() - 1;
    }
    void push(std::string name, std::string kind, Step::Work work, std::int64_t multiply_accumulates = 0) {
        program_.steps_.push_back({std::move(name), std::move(kind), multiply_accumulates, 0, std::move(work)});
    }

    void push_layer(std::string name, std::string kind, Step::Work work, const ConvolutionGeometry& geometry) {
        push(std::move(name), std::move(kind), std::move(work), geometry.multiply_adds());
        program_.steps_.back().weights = geometry.o * geometry.kh * geometry.kw * (geometry.i / geometry.groups);
    }

    /// The value has been computed in floats; quantizes it if it has a quantizer.
    void provide(ValueId value, BufferId floats) {
        const ActivationQuantizer* const quantizer = quantizer_of(value);
        if (!quantizer) {
            floats_[value] = floats;
            return;
        }
        const auto channels = static_cast<std::size_t>(shape(value).back());
        quantize(value, {floats}, {{}, std::vector<float>(channels, 1.0F), std::vector<float>(channels)});
    }

    /// Quantizes a value with a quantizer: buffers one after the other along the last axis, scaled, shifted and
    /// clamped.
    void quantize(ValueId value, std::vector<BufferId> inputs, PrologueValue affine, float low = -kInfinity,
                  float high = kInfinity, std::optional<BufferId> gate = {}) {
        const ActivationQuantizer& quantizer = quantizers_.at(value);
        const auto zero = static_cast<float>(quantizer.zero_point);
        const float most = static_cast<float>(quantizer.largest_level()) - zero;
        if (inputs.size() == 1 && !gate) widen(affine, shape(value));
        bytes_[value] = new_buffer(value, true);
        push(graph_.name(value), "quantize",
             QuantizeStep{.kernels = implementation_.integer,
                          .inputs = std::move(inputs),
                          .scale = std::move(affine.scale),
                          .shift = std::move(affine.shift),
                          .gate = gate,
                          .step = quantizer.step,
                          .zero = zero,
                          .low = std::clamp(low / quantizer.step, -zero, most),
                          .high = std::clamp(high / quantizer.step, -zero, most),
                          .output = bytes_[value]});
    }

    /// Counts pixels of few channels as one of many, so that kernels have whole vectors to work on.
    static void widen(PrologueValue& affine, const Shape& shape) {
        constexpr std::int64_t kEnough = 256;
        const std::int64_t elements = shape.elements();
        for (;;) {
            const auto channels = static_cast<std::int64_t>(affine.scale.size());
            if (channels == 0 || channels >= kEnough || elements % (2 * channels) != 0) return;
            affine.scale.insert(affine.scale.end(), affine.scale.begin(), affine.scale.end());
            affine.shift.insert(affine.shift.end(), affine.shift.begin(), affine.shift.end());
        }
    }

    void quantize(ValueId value, const PrologueValue& affine, float low = -kInfinity, float high = kInfinity) {
        std::vector<BufferId> inputs;
        for (const ValueId part : affine.parts) inputs.push_back(floats_of(part));
        quantize(value, std::move(inputs), affine, low, high);
    }

    BufferId floats_of(ValueId value) {
        if (const Node* const taken = deferred_.take(value)) {
            Node node = *taken;
            if (std::holds_alternative<Concat>(node.op)) node.inputs = deferred_.concatenated(node);
            add_operator(node);
        }
        if (const auto found = floats_.find(value); found != floats_.end()) return found->second;
        const BufferId floats = new_buffer(value, false);
        push(graph_.name(value), "dequantize", DequantizeStep{quantizers_.at(value), bytes_.at(value), floats});
        return floats_[value] = floats;
    }

    /// Where a step writes a value with a quantizer or without.
    BufferId output_of(ValueId value) {
        const bool is_bytes = quantizer_of(value) != nullptr;
        return (is_bytes ? bytes_ : floats_)[value] = new_buffer(value, is_bytes);
    }

    /// Of the layer itself: what is fused into it has the same shape.
    ConvolutionGeometry geometry(const LayerView& layer) const {
        return layer.geometry(shape(layer.input), shape(layer.output));
    }

    void add(const FusedNode& fused, std::optional<Int8Layer> int8_layer) {
        const Node& node = graph_.nodes()[fused.node];
        if (int8_layer) return add_int8_layer(fused, *std::move(int8_layer));
        if (fused.layer) return add_float_layer(fused);
        if (const auto* const resize = std::get_if<Resize>(&node.op)) return add_resize(node, *resize);
        if (!add_move(node) && !add_mean(node) && !add_lookup(node) && !add_gate(node) && !add_to_quantization(node)) {
            add_operator(node);
        }
    }

    /// Shapes are known here: no second input has to say the size.
    void add_resize(Node node, Resize resize) {
        if (node.inputs.size() > 1) {
            const Shape& y = shape(node.outputs.front());
            resize.size = {y[1], y[2]};
            node.op = resize;
            node.inputs.resize(1);
        }
        if (!add_move(node)) add_operator(node);
    }

    /// Whether the node moves bytes: those of its inputs, or, where they have several quantizers, on that of its
    /// output.
    bool add_move(const Node& node) {
        const auto has_quantizer = [&](ValueId input) { return quantizer_of(input) != nullptr; };
        if (int8_form(node.op) != Int8::moves_bytes || !std::ranges::all_of(node.inputs, has_quantizer)) return false;
        const ActivationQuantizer* quantizer = quantizer_of(node.inputs.front());
        const auto shares_quantizer = [&](ValueId input) { return *quantizer_of(input) == *quantizer; };
        if (!std::ranges::all_of(node.inputs, shares_quantizer)) quantizer = quantizer_of(node.outputs.front());
        if (!quantizer) return false;
        const auto zero_point = static_cast<std::uint8_t>(quantizer->zero_point);
        MoveStep step{.op = node.op, .zero_point = zero_point, .inputs = {}, .outputs = {}};
        for (const ValueId input : node.inputs) {
            step.inputs.push_back(requantized(input, bytes_.at(input), *quantizer_of(input), *quantizer));
        }
        for (const ValueId output : node.outputs) step.outputs.push_back(new_buffer(output, true));
        const std::vector<BufferId> outputs = step.outputs;
        push(node.name, formatted("{} int8", type_name(node.op)), std::move(step));
        for (std::size_t i = 0; i < outputs.size(); ++i) {
            const ValueId output = node.outputs[i];
            if (const ActivationQuantizer* const own = quantizer_of(output)) {
                bytes_[output] = requantized(output, outputs[i], *quantizer, *own);
            } else {
                floats_[output] = new_buffer(output, false);
                push(graph_.name(output), "dequantize", DequantizeStep{*quantizer, outputs[i], floats_[output]});
            }
        }
        return true;
    }

    /// Levels of one quantizer as levels of another.
    BufferId requantized(ValueId value, BufferId bytes, const ActivationQuantizer& from,
                         const ActivationQuantizer& to) {
        if (from == to) return bytes;
        const BufferId output = new_buffer(value, true);
        push(graph_.name(value), "requantize", LookupStep{table_of(levels_of(from), &to), bytes, output});
        return output;
    }

    /// Whether the node averages levels.
    bool add_mean(const Node& node) {
        const ActivationQuantizer* const quantizer = quantizer_of(node.inputs.front());
        if (int8_form(node.op) != Int8::averages || !quantizer) return false;
        const ValueId output = node.outputs.front();
        const BufferId means = new_buffer(output, false);
        push(node.name, formatted("{} int8", type_name(node.op)),
             MeanStep{node.op, *quantizer, bytes_.at(node.inputs.front()), means});
        provide(output, means);
        return true;
    }

    /// Whether the node looks up what it does to each byte.
    bool add_lookup(const Node& node) {
        const ValueId input = node.inputs.front();
        const ActivationQuantizer* const quantizer = quantizer_of(input);
        if (int8_form(node.op) != Int8::lookup256 || !quantizer) return false;
        std::vector<Tensor> inputs{levels_of(*quantizer)};
        for (const ValueId parameter : std::span(node.inputs).subspan(1)) {
            if (!graph_.is_parameter(parameter) || shape(parameter).elements() != 1) return false;
            inputs.push_back(image(graph_.parameter(parameter)));
        }
        Tensor values(inputs.front().shape());
        const std::vector<ConstView> views(inputs.begin(), inputs.end());
        const View output = values;
        forward(node.op, ForwardArguments{.inputs = views, .outputs = std::span(&output, 1), .saved = {}});
        auto table = table_of(values, quantizer_of(node.outputs.front()));
        push(node.name, formatted("{} int8", type_name(node.op)),
             LookupStep{std::move(table), bytes_.at(input), output_of(node.outputs.front())});
        return true;
    }

    /// What the levels of a quantizer stand for.
    static Tensor levels_of(const ActivationQuantizer& quantizer) {
        Tensor levels(Shape{LookupStep::kLevels});
        for (std::int64_t i = 0; i < levels.elements(); ++i) {
            levels[i] = quantizer.step * static_cast<float>(i - quantizer.zero_point);
        }
        return levels;
    }

    /// Of a value for each level, rounded to the quantizer unless it is null.
    static decltype(LookupStep::table) table_of(const Tensor& values, const ActivationQuantizer* quantizer) {
        if (!quantizer) return std::vector<float>(values.values().begin(), values.values().end());
        std::vector<std::uint8_t> bytes;
        for (const float value : values.values())
            bytes.push_back(static_cast<std::uint8_t>(level_of(*quantizer, value)));
        return bytes;
    }

    /// Whether the node multiplies images by a factor for each channel that the network computes (squeeze and
    /// excitation), as a part of the rounding of its output.
    bool add_gate(const Node& node) {
        const auto* const arithmetic = std::get_if<Arithmetic>(&node.op);
        const ValueId output = node.outputs.front();
        if (!arithmetic || arithmetic->kind != Arithmetic::Kind::multiply || !quantizer_of(output)) return false;
        const Shape& y = shape(output);
        // The network's own inputs may lie in bytes.
        const auto is_computed = [&](ValueId input) { return uses_.producer(input).has_value(); };
        if (y.rank() != 4 || !std::ranges::all_of(node.inputs, is_computed)) return false;
        const auto gate = std::ranges::find_if(node.inputs, [&](ValueId input) {
            return shape(input) == Shape{y[0], 1, 1, y[3]};
        });
        if (gate == node.inputs.end()) return false;
        const ValueId images = node.inputs[gate == node.inputs.begin() ? 1 : 0];
        if (!(shape(images) == y)) return false;
        const BufferId factors = floats_of(*gate);
        quantize(output, {floats_of(images)}, {{}, {}, std::vector<float>(static_cast<std::size_t>(y[3]))}, -kInfinity,
                 kInfinity, factors);
        return true;
    }

    /// Whether the node is left to the rounding of its output, or of what is made of it.
    bool add_to_quantization(const Node& node) {
        if (quantizers_.empty()) return false;
        const ValueId output = node.outputs.front();
        if (deferred_.can_defer(node)) {
            if (quantizer_of(output)) {
                quantize(output, deferred_.output_of(node));
            } else {
                deferred_.defer(node);
            }
            return true;
        }
        const auto clamp = as_clamp(node);
        if (!clamp || !quantizer_of(output) || graph_.is_parameter(node.inputs[0])) return false;
        quantize(output, deferred_.of(node.inputs[0]), clamp->low, clamp->high);
        return true;
    }

    void add_operator(const Node& node) {
        OperatorStep step{.op = node.op, .inputs = {}, .outputs = {}};
        for (const ValueId input : node.inputs) {
            if (graph_.is_parameter(input)) {
                step.inputs.push_back({.parameter = constant(input)});
            } else {
                step.inputs.push_back({.buffer = floats_of(input)});
            }
        }
        for (const ValueId output : node.outputs) step.outputs.push_back(new_buffer(output, false));
        const std::vector<BufferId> outputs = step.outputs;
        const std::int64_t multiply_adds = eigenbit::internal::multiply_accumulates(node, shapes_);
        push(node.name, std::string(type_name(node.op)), std::move(step), multiply_adds);
        for (std::size_t i = 0; i < outputs.size(); ++i) provide(node.outputs[i], outputs[i]);
    }

    static std::string kind_of(const ConvolutionGeometry& g, bool is_bytes) {
        const std::string groups = g.depthwise() ? " depthwise" : g.groups > 1 ? formatted(" in {}", g.groups) : "";
        return formatted("{}×{} {}→{}{}{}", g.kh, g.kw, g.i, g.o, groups, is_bytes ? " int8" : "");
    }

    /// As profiles name it.
    static std::string_view name_of_function(const Node& function) {
        const auto* const activation = std::get_if<Activation>(&function.op);
        return activation ? Activation::kKinds[static_cast<std::size_t>(activation->kind)] : type_name(function.op);
    }

    void add_float_layer(const FusedNode& fused) {
        const LayerView& layer = *fused.layer;
        const ValueId output = fused.outputs.front();
        const BufferId input = floats_of(layer.input);
        const std::optional<BufferId> residual =
            fused.residual ? std::optional(floats_of(*fused.residual)) : std::nullopt;
        FloatLayerStep step{.geometry = geometry(layer),
                            .weights = {},
                            .bias = layer.bias ? graph_.parameter(*layer.bias).values() : Tensor(),
                            .input = input,
                            .output = new_buffer(output, false),
                            .residual = residual,
                            .low = fused.low,
                            .high = fused.high};
        const BufferId floats = step.output;
        const ConvolutionGeometry g = step.geometry;
        const Tensor weights = scaled_image(graph_, layer);
        std::string kind = kind_of(g, false);
        if (suits_winograd(g, WeightPacking::once)) {
            step.weights.emplace<WinogradWeights>().pack_forward(g, weights.data(), implementation_);
            kind += " Winograd";
        } else {
            pack_forward_weights(g, weights.data(), std::get<PackedWeights>(step.weights), implementation_);
        }
        push_layer(graph_.nodes()[fused.node].name, std::move(kind), std::move(step), g);
        provide(output, floats);
    }

    /// The layers that read bytes; the others' places are empty. Packing weights is most of the work of compilation.
    std::vector<std::optional<Int8Layer>> make_int8_layers(std::span<const FusedNode> nodes) const {
        std::vector<std::optional<Int8Layer>> layers(nodes.size());
        tbb::parallel_for(std::size_t{0}, nodes.size(), [&](std::size_t i) {
            if (!nodes[i].layer) return;
            const ActivationQuantizer* const input = quantizer_of(nodes[i].layer->input);
            if (!input) return;
            layers[i] = make_int8_layer(graph_, nodes[i], geometry(*nodes[i].layer), *input, units_of(nodes[i]),
                                        implementation_);
        });
        return layers;
    }

    std::optional<Int8Function> function_of(const Node& node) const {
        return int8_function(graph_, node, quantizer_of(node.outputs.front()), *implementation_.integer);
    }

    OutputUnits units_of(const FusedNode& fused) const {
        return output_units(fused.function ? nullptr : quantizer_of(fused.outputs.front()),
                            fused.residual ? quantizer_of(*fused.residual) : nullptr);
    }

    void add_int8_layer(const FusedNode& fused, Int8Layer layer) {
        const ValueId output = fused.outputs.front();
        const ActivationQuantizer* const to = quantizer_of(output);
        std::optional<BufferId> residual;
        if (fused.residual) {
            residual = quantizer_of(*fused.residual) ? bytes_.at(*fused.residual) : floats_of(*fused.residual);
        }
        const OutputUnits units = units_of(fused);
        const float least = to ? 0.0F : -kInfinity;
        const float most = to ? static_cast<float>(to->largest_level()) : kInfinity;
        const ConvolutionGeometry g = geometry(*fused.layer);
        std::string kind = kind_of(g, true);
        if (fused.function) kind += formatted(", {}", name_of_function(*fused.function));
        push_layer(graph_.nodes()[fused.node].name, std::move(kind),
                   Int8LayerStep{.layer = std::move(layer),
                                 .input = bytes_.at(fused.layer->input),
                                 .output = output_of(output),
                                 .residual = residual,
                                 .residual_scale = units.residual_scale,
                                 .function = fused.function ? *function_of(*fused.function) : Int8Function{},
                                 .low = std::clamp(fused.low / units.unit + units.zero, least, most),
                                 .high = std::clamp(fused.high / units.unit + units.zero, least, most)},
                   g);
    }

    /// The float values of a parameter, which the program keeps.
    ConstView constant(ValueId value) {
        const auto [entry, is_new] = constants_.try_emplace(value);
        if (is_new) entry->second = program_.constants_.emplace_back(image(graph_.parameter(value)));
        return entry->second;
    }

    const Graph& graph_;
    GraphUses uses_;
    std::vector<Shape> shapes_;
    const CpuImplementation& implementation_;
    Quantizers quantizers_;
    Program program_;
    QuantizePrologue deferred_;
    std::map<ValueId, ConstView> constants_;
    std::map<ValueId, BufferId> floats_;
    std::map<ValueId, BufferId> bytes_;
};

std::shared_ptr<const Program> compile(const Graph& graph, std::span<const Shape> inputs, Execution execution,
                                       const CpuImplementation& implementation) {
    return Compiler(graph, inputs, execution, implementation).run();
}

}  // namespace eigenbit::internal
