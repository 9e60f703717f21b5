#include "compress/quantization/quantized_layer.h"

#include "compress/curves/candidates.h"
#include "compress/quantization/inner_steps.h"
#include "engine/coding/level_coder.h"

#include <algorithm>
#include <bit>

namespace eigenbit::internal {
namespace {

/// The smallest depth that holds all levels.
int needed_bit_depth(std::span<const std::int16_t> levels) {
    int depth = 1;
    for (const std::int16_t level : levels) {
        const auto magnitude = static_cast<unsigned>(level < 0 ? -(level + 1) : level);
        depth = std::max(depth, static_cast<int>(std::bit_width(magnitude)) + 1);
    }
    return depth;
}

bool all_zero(std::span<const std::int16_t> levels) {
    return std::ranges::all_of(levels, [](std::int16_t level) { return level == 0; });
}

const Quantizer& chosen_quantizer(const TransformCurves& curves, const LayerChoice& choice, std::size_t block) {
    return curves.curves[block][choice.candidates[block]].quantizer;
}

/// One factor as its blocks' levels say.
Quantized quantize_factor(const TransformCurves& curves, const LayerChoice& choice, const BlockLevels& block_levels,
                          int factor) {
    const Factorization& factorization = curves.factorization;
    Quantized result;
    if (factor == Block::kCoefficients) {
        result.shape = factorization.coefficients.shape();
        result.axis = tensor_axis(factorization.block_axis);
    } else {
        const Matrix& synthesis = factorization.bases[static_cast<std::size_t>(factor)].synthesis;
        result.shape = Shape{synthesis.rows(), synthesis.columns()};
        result.axis = 1;
    }
    result.levels.resize(static_cast<std::size_t>(result.shape.elements()));
    for (std::size_t i = 0; i < curves.blocks.size(); ++i) {
        const Block& block = curves.blocks[i];
        if (block.factor != factor) continue;
        const Quantizer& quantizer = chosen_quantizer(curves, choice, i);
        const std::vector<std::int16_t>& levels = block_levels[i];
        for_each_element(factorization, block, [&](std::int64_t k, std::int64_t element) {
            result.levels[static_cast<std::size_t>(element)] = levels[static_cast<std::size_t>(k)];
        });
        const bool unclipped = quantizer.bit_depth == Quantizer::kUnclipped;
        const int unclipped_depth = all_zero(levels) ? 0 : needed_bit_depth(levels);
        result.blocks.push_back({.begin = block.begin,
                                 .end = block.end,
                                 .bit_depth = unclipped ? unclipped_depth : quantizer.bit_depth,
                                 .step = quantizer.step,
                                 .offset = quantizer.offset});
    }
    return result;
}

/// Removes the channels that are not kept, of the axis that the blocks cut.
void keep_channels(Quantized& weight, const std::vector<bool>& kept) {
    const std::int64_t extent = weight.shape[weight.axis];
    const std::int64_t inner = weight.shape.elements(weight.axis + 1, weight.shape.rank());
    Quantized result{.shape = weight.shape, .axis = weight.axis, .blocks = {}, .levels = {}};
    std::int64_t position = 0;
    for (const QuantizedBlock& block : weight.blocks) {
        const auto count = std::count(kept.begin() + block.begin, kept.begin() + block.end, true);
        if (count == 0) continue;
        QuantizedBlock moved = block;
        moved.begin = position;
        moved.end = position += count;
        result.blocks.push_back(moved);
    }
    for (std::int64_t i = 0; i < weight.shape.elements(); ++i) {
        if (kept[static_cast<std::size_t>(i / inner % extent)]) {
            result.levels.push_back(weight.levels[static_cast<std::size_t>(i)]);
        }
    }
    result.shape[weight.axis] = position;
    weight = std::move(result);
}

/// Of a product whose kernel is still (O, taps, I).
void prune(Product& product) {
    const auto mixes_blocks = [&](const Basis& basis) { return tensor_axis(basis.axis) == product.kernel.axis; };
    const auto basis = std::ranges::find_if(product.bases, mixes_blocks);
    if (basis == product.bases.end()) return;
    auto* const synthesis = std::get_if<Quantized>(&basis->matrix);
    if (!synthesis) return;
    std::vector<bool> kept(static_cast<std::size_t>(product.kernel.shape[product.kernel.axis]));
    for (const QuantizedBlock& block : product.kernel.blocks) {
        std::fill(kept.begin() + block.begin, kept.begin() + block.end, block.bit_depth > 0);
    }
    if (std::ranges::find(kept, true) == kept.end()) kept.front() = true;
    keep_channels(product.kernel, kept);
    keep_channels(*synthesis, kept);
}

/// A weight (O, taps, I) in the layout of the layer: (O, KH, KW, I), (O, I), or (O, 1, k, I) where a basis mixes the
/// taps.
void restore_layout(Quantized& weight, const Shape& layer) {
    const Shape own = weight.shape;
    if (layer.rank() == 2) {
        weight.shape = Shape{own[0], own[2]};
        if (weight.axis == 2) weight.axis = 1;
        return;
    }
    const bool mixed_taps = own[1] != layer[1] * layer[2] || weight.axis == 1;
    weight.shape = mixed_taps ? Shape{own[0], 1, own[1], own[2]} : Shape{own[0], layer[1], layer[2], own[2]};
    if (weight.axis != 0) ++weight.axis;
}

}  // namespace

BlockLevels round_blocks(const TransformCurves& curves, const LayerChoice& choice) {
    BlockLevels levels;
    for (std::size_t i = 0; i < curves.blocks.size(); ++i) {
        const std::vector<float> values = block_values(curves.factorization, curves.blocks[i]);
        levels.emplace_back(values.size());
        quantize(values, chosen_quantizer(curves, choice, i), levels.back());
    }
    return levels;
}

double level_bits(const TransformCurves& curves, const LayerChoice& choice, const BlockLevels& levels) {
    double bits = 0.0;
    for (std::size_t i = 0; i < levels.size(); ++i) {
        const auto& quantizer = chosen_quantizer(curves, choice, i);
        const bool unclipped = quantizer.bit_depth == Quantizer::kUnclipped;
        if (unclipped ? all_zero(levels[i]) : quantizer.bit_depth == 0) continue;
        bits += unclipped ? estimated_bits(levels[i]) : quantizer.bit_depth * static_cast<double>(levels[i].size());
        bits += kSideInformationBits + offset_bits(quantizer.offset);
    }
    return bits;
}

Weight quantize_layer(const TransformCurves& curves, const LayerChoice& choice, const BlockLevels& levels) {
    const Factorization& factorization = curves.factorization;
    Quantized coefficients = quantize_factor(curves, choice, levels, Block::kCoefficients);
    if (factorization.bases.empty()) {
        restore_layout(coefficients, factorization.shape);
        return coefficients;
    }
    Product product{factorization.shape, std::move(coefficients), {}};
    for (std::size_t i = 0; i < factorization.bases.size(); ++i) {
        Basis basis{.axis = factorization.bases[i].axis, .matrix = {}};
        if (factorization.bases[i].stored) {
            basis.matrix = quantize_factor(curves, choice, levels, static_cast<int>(i));
        } else {
            basis.matrix = cosine_kind(factorization.transform.kind);
        }
        product.bases.push_back(std::move(basis));
    }
    prune(product);
    restore_layout(product.kernel, factorization.shape);
    equalize_inner_steps(product);
    return product;
}

}  // namespace eigenbit::internal
