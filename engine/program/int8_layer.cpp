#include "engine/program/int8_layer.h"

#include "engine/kernels/int8/output_function.h"
#include "engine/weights/int8_weights.h"

namespace eigenbit::internal {
namespace {

/// In the bits that the levels need, or of 8 bits where they have more.
PackedGemv packed_gemv(const Weight& weight, std::uint8_t zero_point, std::span<float> scale,
                       std::span<const float> bias, const CpuImplementation& implementation) {
    if (weight.quantized() && PackedGemv::can_pack(*weight.quantized())) {
        return PackedGemv(*weight.quantized(), zero_point, scale, bias, implementation);
    }
    const Int8Weights weights = int8_weights(weight);
    for (std::size_t o = 0; o < scale.size(); ++o) scale[o] *= weights.scale[o];
    const Quantized levels{.shape = weight.shape(),
                           .axis = 0,
                           .blocks = {{0, weight.shape()[0], 8, 1.0F}},
                           .levels = {weights.codes.begin(), weights.codes.end()}};
    return PackedGemv(levels, zero_point, scale, bias, implementation);
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

std::optional<Int8Function> int8_function(const Activation& function, const ActivationQuantizer* output) {
    Int8Function result{.kind = Int8Function::Kind::none,
                        .slope = function.alpha,
                        .offset = function.beta,
                        .six = int8_divisor(6.0F),
                        .step = int8_divisor(output ? output->step : 1.0F),
                        .zero = output ? static_cast<float>(output->zero_point) : 0.0F};
    if (!can_divide_by(result.step.value)) return std::nullopt;
    switch (function.kind) {
    case Activation::Kind::leaky_relu:
        if (function.alpha < 0.0F || function.alpha > 1.0F) return std::nullopt;
        result.kind = Int8Function::Kind::leaky_relu;
        return result;
    case Activation::Kind::hard_sigmoid:
        result.kind = Int8Function::Kind::hard_sigmoid;
        return result;
    case Activation::Kind::hard_swish:
        result.kind = Int8Function::Kind::hard_swish;
        return result;
    default:
        return std::nullopt;
    }
}

Int8Layer make_int8_layer(const Graph& graph, const LayerView& layer, const ConvolutionGeometry& geometry,
                          const ActivationQuantizer& input, const OutputUnits& units,
                          const CpuImplementation& implementation) {
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
    const Weight& weight = graph.parameter(layer.weight);
    const auto zero_point = static_cast<std::uint8_t>(input.zero_point);
    if (!layer.conv) return packed_gemv(weight, zero_point, scale, bias, implementation);
    const Int8Weights weights = int8_weights(weight);
    for (std::size_t o = 0; o < scale.size(); ++o) scale[o] *= weights.scale[o];
    return Int8Convolution(geometry, weights.coded(), zero_point, scale, bias, implementation);
}

}  // namespace eigenbit::internal
