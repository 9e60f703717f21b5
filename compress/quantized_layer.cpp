#include "compress/quantized_layer.h"

#include "compress/candidates.h"
#include "engine/coding/index_coder.h"
#include "engine/quantization.h"

#include <algorithm>
#include <bit>

namespace eigenbit {
namespace {

/// The smallest depth that holds all indices.
int needed_bit_depth(std::span<const std::int16_t> indices) {
    int depth = 1;
    for (const std::int16_t index : indices) {
        const auto magnitude = static_cast<unsigned>(index < 0 ? -(index + 1) : index);
        depth = std::max(depth, static_cast<int>(std::bit_width(magnitude)) + 1);
    }
    return depth;
}

bool all_zero(std::span<const std::int16_t> indices) {
    return std::ranges::all_of(indices, [](std::int16_t index) { return index == 0; });
}

const Quantizer& chosen_quantizer(const LayerCurves& curves, const LayerChoice& choice, std::size_t block) {
    return curves.curves[block][choice.candidates[block]].quantizer;
}

/// One factor as its blocks' indices say.
Parameter quantize_factor(const LayerCurves& curves, const LayerChoice& choice, const BlockIndices& block_indices,
                          int factor) {
    const Factorization& factorization = curves.factorization;
    Quantization quantization;
    Shape shape;
    if (factor == Block::kCoefficients) {
        shape = factorization.coefficients.shape();
        quantization.axis = tensor_axis(factorization.block_axis);
    } else {
        const Matrix& synthesis = factorization.bases[static_cast<std::size_t>(factor)].synthesis;
        shape = Shape{synthesis.rows(), synthesis.columns()};
        quantization.axis = 1;
        quantization.is_basis = true;
    }
    quantization.indices.resize(static_cast<std::size_t>(shape.elements()));
    for (std::size_t i = 0; i < curves.blocks.size(); ++i) {
        const Block& block = curves.blocks[i];
        if (block.factor != factor) continue;
        const Quantizer& quantizer = chosen_quantizer(curves, choice, i);
        const std::vector<std::int16_t>& indices = block_indices[i];
        for_each_element(factorization, block, [&](std::int64_t k, std::int64_t element) {
            quantization.indices[static_cast<std::size_t>(element)] = indices[static_cast<std::size_t>(k)];
        });
        const bool unclipped = quantizer.bit_depth == Quantizer::kUnclipped;
        const int unclipped_depth = all_zero(indices) ? 0 : needed_bit_depth(indices);
        quantization.blocks.push_back({.begin = block.begin,
                                       .end = block.end,
                                       .bit_depth = unclipped ? unclipped_depth : quantizer.bit_depth,
                                       .step = quantizer.step,
                                       .offset = quantizer.offset});
    }
    Tensor values = dequantize(quantization, shape);
    return {std::move(values), std::move(quantization)};
}

Parameter float_factor(const Matrix& synthesis) {
    Parameter parameter{Tensor(Shape{synthesis.rows(), synthesis.columns()}), std::nullopt};
    std::ranges::transform(synthesis.values(), parameter.values.data(), [](double v) { return static_cast<float>(v); });
    return parameter;
}

/// Removes the channels of an axis that are not kept; the axis must be the one that the blocks cut.
void keep_channels(Parameter& parameter, const std::vector<bool>& kept) {
    Quantization& old = *parameter.quantization;
    const Shape& shape = parameter.values.shape();
    const std::int64_t extent = shape[old.axis];
    const std::int64_t inner = shape.elements(old.axis + 1, shape.rank());

    Quantization result{
        .axis = old.axis, .blocks = {}, .indices = {}, .channel_scale = old.channel_scale, .is_basis = old.is_basis};
    std::int64_t position = 0;
    for (const QuantizedBlock& block : old.blocks) {
        const auto count = std::count(kept.begin() + block.begin, kept.begin() + block.end, true);
        if (count == 0) continue;
        QuantizedBlock moved = block;
        moved.begin = position;
        moved.end = position += count;
        result.blocks.push_back(moved);
    }
    for (std::int64_t i = 0; i < shape.elements(); ++i) {
        if (kept[static_cast<std::size_t>(i / inner % extent)]) {
            result.indices.push_back(old.indices[static_cast<std::size_t>(i)]);
        }
    }
    Shape pruned = shape;
    pruned[old.axis] = position;
    parameter = {dequantize(result, pruned), std::move(result)};
}

void prune(QuantizedLayer& layer) {
    const auto basis = std::ranges::find(layer.bases, layer.block_axis, &QuantizedLayer::QuantizedBasis::axis);
    if (basis == layer.bases.end() || !basis->synthesis.quantization) return;
    const Quantization& rows = *layer.coefficients.quantization;
    std::vector<bool> kept(static_cast<std::size_t>(layer.coefficients.values.shape()[rows.axis]));
    for (const QuantizedBlock& block : rows.blocks) {
        std::fill(kept.begin() + block.begin, kept.begin() + block.end, block.bit_depth > 0);
    }
    if (std::ranges::find(kept, true) == kept.end()) kept.front() = true;
    keep_channels(layer.coefficients, kept);
    keep_channels(basis->synthesis, kept);
}

Matrix to_matrix(const Tensor& values) {
    Matrix matrix(values.shape()[0], values.shape()[1]);
    std::ranges::copy(values.values(), matrix.values().begin());
    return matrix;
}

}  // namespace

BlockIndices round_blocks(const LayerCurves& curves, const LayerChoice& choice) {
    BlockIndices indices;
    for (std::size_t i = 0; i < curves.blocks.size(); ++i) {
        const std::vector<float> values = block_values(curves.factorization, curves.blocks[i]);
        indices.emplace_back(values.size());
        quantize(values, chosen_quantizer(curves, choice, i), indices.back());
    }
    return indices;
}

double index_bits(const LayerCurves& curves, const LayerChoice& choice, const BlockIndices& indices) {
    double bits = 0.0;
    for (std::size_t i = 0; i < indices.size(); ++i) {
        const auto& quantizer = chosen_quantizer(curves, choice, i);
        const bool unclipped = quantizer.bit_depth == Quantizer::kUnclipped;
        if (unclipped ? all_zero(indices[i]) : quantizer.bit_depth == 0) continue;
        bits += unclipped ? estimated_bits(indices[i]) : quantizer.bit_depth * static_cast<double>(indices[i].size());
        bits += kSideInformationBits + offset_bits(quantizer.offset);
    }
    return bits;
}

QuantizedLayer quantize_layer(const LayerCurves& curves, const LayerChoice& choice, const BlockIndices& indices) {
    const Factorization& factorization = curves.factorization;
    QuantizedLayer layer{.transform = factorization.transform,
                         .block_axis = factorization.block_axis,
                         .coefficients = quantize_factor(curves, choice, indices, Block::kCoefficients),
                         .bases = {}};
    for (std::size_t i = 0; i < factorization.bases.size(); ++i) {
        const Basis& basis = factorization.bases[i];
        layer.bases.push_back({basis.axis, basis.stored ? quantize_factor(curves, choice, indices, static_cast<int>(i))
                                                        : float_factor(basis.synthesis)});
    }
    prune(layer);
    return layer;
}

Tensor synthesize(const QuantizedLayer& layer) {
    Tensor weights = layer.coefficients.values;
    for (const auto& basis : layer.bases) weights = mix(weights, basis.axis, to_matrix(basis.synthesis.values));
    return weights;
}

}  // namespace eigenbit
