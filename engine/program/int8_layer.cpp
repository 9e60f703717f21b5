#include "engine/program/int8_layer.h"

#include "engine/kernels/int8/output_function.h"
#include "engine/weights/int8_weights.h"

namespace eigenbit::internal {
namespace {

/// What a leaky function multiplies negative outputs of each channel by; empty for other functions.
std::vector<float> slopes_of(const Graph& graph, const Node& function, std::int64_t channels) {
    if (const auto* const activation = std::get_if<Activation>(&function.op)) {
        if (activation->kind != Activation::Kind::leaky_relu) return {};
        return std::vector<float>(static_cast<std::size_t>(channels), activation->alpha);
    }
    const Tensor slope = image(graph.parameter(function.inputs[1]));
    std::vector<float> slopes;
    for (std::int64_t c = 0; c < channels; ++c) slopes.push_back(slope[slope.elements() == 1 ? 0 : c]);
    return slopes;
}

}  // namespace

OutputUnits output_units(const ActivationQuantizer* output, const ActivationQuantizer* residual) {
    const float unit = output ? output->step : 1.0F;
    const float residual_scale = (residual ? residual->step : 1.0F) / unit;
    return {.unit = unit,
            .zero = output ? static_cast<float>(output->zero_point) : 0.0F,
            .residual_scale = residual_scale,
            .residual_zero = residual ? static_cast<float>(residual->zero_point) * residual_scale : 0.0F};
}

std::optional<Int8Function> int8_function(const Graph& graph, const Node& function, const ActivationQuantizer* output,
                                          const Int8Kernels& kernels) {
    Int8Function result{.kind = Int8Function::Kind::none,
                        .slope = 0.0F,
                        .offset = 0.0F,
                        .six = int8_divisor(6.0F),
                        .step = int8_divisor(output ? output->step : 1.0F),
                        .zero = output ? static_cast<float>(output->zero_point) : 0.0F};
    if (!can_divide_by(result.step.value)) return std::nullopt;
    if (std::holds_alternative<PRelu>(function.op)) {
        if (!graph.is_parameter(function.inputs[1])) return std::nullopt;
        result.kind = Int8Function::Kind::leaky_relu;
        return result;
    }
    const auto* const activation = std::get_if<Activation>(&function.op);
    if (!activation) return std::nullopt;
    if (const auto exponential = exponential_function(*activation)) {
        // Divisors that are made with fma divide no infinity.
        if (exponential->kind == ExponentialFunction::Kind::exp) return std::nullopt;
        // With few values in a vector, fetching the constants for each tile takes longer than moving floats (measured).
        if (kernels.width < 16) return std::nullopt;
        result.kind = Int8Function::Kind::exponential;
        result.exponential = *exponential;
        return result;
    }
    switch (activation->kind) {
    case Activation::Kind::leaky_relu:
        result.kind = Int8Function::Kind::leaky_relu;
        return result;
    case Activation::Kind::hard_sigmoid:
        result.kind = Int8Function::Kind::hard_sigmoid;
        result.slope = activation->alpha;
        result.offset = activation->beta;
        return result;
    case Activation::Kind::hard_swish:
        result.kind = Int8Function::Kind::hard_swish;
        return result;
    default:
        return std::nullopt;
    }
}

Int8Layer make_int8_layer(const Graph& graph, const FusedNode& fused, const ConvolutionGeometry& geometry,
                          const ActivationQuantizer& input, const OutputUnits& units,
                          const CpuImplementation& implementation) {
    const LayerView& layer = *fused.layer;
    std::vector<float> bias(static_cast<std::size_t>(geometry.o));
    for (std::size_t o = 0; o < bias.size(); ++o) {
        const float value = layer.bias ? graph.parameter(*layer.bias).values()[static_cast<std::int64_t>(o)] : 0.0F;
        bias[o] = value / units.unit + units.zero - units.residual_zero;
    }
    std::vector<float> scale(bias.size(), input.step / units.unit);
    if (layer.gain) {
        const Tensor& gain = graph.parameter(*layer.gain).values();
        for (std::size_t o = 0; o < scale.size(); ++o) scale[o] *= gain[static_cast<std::int64_t>(o)];
    }
    const std::vector<float> slopes =
        fused.function ? slopes_of(graph, *fused.function, geometry.o) : std::vector<float>();
    const Int8Channels channels{scale, bias, slopes};
    const Weight& weight = graph.parameter(layer.weight);
    const auto zero_point = static_cast<std::uint8_t>(input.zero_point);
    // Those of a fully-connected layer lie in the bits that its levels need, or in 8 where they need more.
    if (!layer.conv && weight.quantized() && PackedGemv::can_pack(*weight.quantized())) {
        return PackedGemv(*weight.quantized(), zero_point, channels, implementation);
    }
    const Int8Weights weights = int8_weights(weight);
    for (std::size_t o = 0; o < scale.size(); ++o) scale[o] *= weights.scale[o];
    if (layer.conv) return Int8Convolution(geometry, weights.coded(), zero_point, channels, implementation);
    const Quantized levels{.shape = weight.shape(),
                           .axis = 0,
                           .blocks = {{0, weight.shape()[0], 8, 1.0F}},
                           .levels = {weights.codes.begin(), weights.codes.end()}};
    return PackedGemv(levels, zero_point, channels, implementation);
}

}  // namespace eigenbit::internal
