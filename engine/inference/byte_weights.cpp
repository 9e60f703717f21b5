#include "engine/inference/byte_weights.h"

#include "engine/quantization.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <span>

namespace eigenbit {
namespace {

/// index = factor · (stored index) + shift, and what one such index is worth.
struct IndexGrid {
    int factor;
    int shift;
    float scale;
};

/// The grid of an output channel whose weights all belong to one block.
std::optional<IndexGrid> channel_grid(const Quantization& quantization, std::int64_t channel) {
    if (quantization.axis != 0) return std::nullopt;
    const auto block = std::ranges::find_if(
        quantization.blocks, [&](const QuantizedBlock& b) { return b.begin <= channel && channel < b.end; });
    if (block->bit_depth == 0) return IndexGrid{1, 0, 0.0F};
    const float gain =
        quantization.channel_scale.empty() ? 1.0F : quantization.channel_scale[static_cast<std::size_t>(channel)];
    const float scale = block->step * gain;
    if (block->offset == 0.0F) return IndexGrid{1, 0, scale};
    if (block->offset == 0.5F) return IndexGrid{2, 1, 0.5F * scale};
    return std::nullopt;
}

bool fits(int index) {
    return index >= std::numeric_limits<std::int8_t>::min() && index <= std::numeric_limits<std::int8_t>::max();
}

/// Whether all indices became bytes.
bool copy_indices(std::span<const std::int16_t> from, const IndexGrid& grid, std::span<std::int8_t> to) {
    for (std::size_t i = 0; i < from.size(); ++i) {
        const int index = grid.factor * from[i] + grid.shift;
        if (!fits(index)) return false;
        to[i] = static_cast<std::int8_t>(index);
    }
    return true;
}

/// Returns the step.
float round_values(std::span<const float> values, std::span<std::int8_t> to) {
    float largest = 0.0F;
    for (const float value : values) largest = std::max(largest, std::abs(value));
    if (largest == 0.0F) {
        std::ranges::fill(to, std::int8_t{0});
        return 0.0F;
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
        to[i] = static_cast<std::int8_t>(std::lrint(values[i] / largest * 127.0F));
    }
    return largest / 127.0F;
}

/// The step of 255 levels over all weights of a layer, before the gains of output channels.
float common_step(const Quantization& quantization, const Shape& shape) {
    float largest = std::numeric_limits<float>::min();
    for_each_run(quantization, shape, [&](const QuantizedBlock& block, std::int64_t begin, std::int64_t end) {
        if (block.bit_depth == 0) return;
        for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
            largest =
                std::max(largest, block.step * std::abs(static_cast<float>(quantization.indices[i]) + block.offset));
        }
    });
    return largest / 127.0F;
}

/// Whether rounding to multiples of `step` adds at most an eighth to the error of the blocks' own steps. These are the
/// smaller the more a weight matters, so that errors count in units of them.
bool is_fine_enough(float step, const Quantization& quantization) {
    constexpr double kMostAdded = 0.125;
    double added = 0.0;
    std::int64_t channels = 0;
    for (const QuantizedBlock& block : quantization.blocks) {
        if (block.bit_depth == 0) continue;
        const double ratio = static_cast<double>(step) / block.step;
        added += ratio * ratio * static_cast<double>(block.end - block.begin);
        channels += block.end - block.begin;
    }
    return added <= kMostAdded * static_cast<double>(channels);
}

/// Of blocks of input channels.
std::optional<ByteWeights> input_block_weights(const Parameter& parameter) {
    const Shape& shape = parameter.values.shape();
    if (!parameter.quantization || parameter.quantization->axis != shape.rank() - 1) return std::nullopt;
    const Quantization& quantization = *parameter.quantization;
    const float step = common_step(quantization, shape);
    if (!is_fine_enough(step, quantization)) return std::nullopt;
    ByteWeights result{std::vector<std::int8_t>(quantization.indices.size()), quantization.channel_scale, {}};
    if (result.scale.empty()) result.scale.assign(static_cast<std::size_t>(shape[0]), 1.0F);
    for (float& scale : result.scale) scale *= step;
    for (const QuantizedBlock& block : quantization.blocks) result.input_cuts.push_back(block.begin);
    for_each_run(quantization, shape, [&](const QuantizedBlock& block, std::int64_t begin, std::int64_t end) {
        if (block.bit_depth == 0) return;
        for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
            const float value = block.step * (static_cast<float>(quantization.indices[i]) + block.offset);
            result.codes[i] = static_cast<std::int8_t>(std::lrint(value / step));
        }
    });
    return result;
}

}  // namespace

ByteWeights byte_weights(const Parameter& parameter) {
    const Shape& shape = parameter.values.shape();
    if (std::optional<ByteWeights> blocks = input_block_weights(parameter)) return *std::move(blocks);
    const auto channels = static_cast<std::size_t>(shape[0]);
    const auto filter = static_cast<std::size_t>(shape.elements(1, shape.rank()));
    ByteWeights result{std::vector<std::int8_t>(channels * filter), std::vector<float>(channels), {}};
    if (parameter.quantization && parameter.quantization->axis == shape.rank() - 1) {
        for (const QuantizedBlock& block : parameter.quantization->blocks) result.input_cuts.push_back(block.begin);
    }
    for (std::size_t o = 0; o < channels; ++o) {
        const std::span to = std::span(result.codes).subspan(o * filter, filter);
        if (parameter.quantization) {
            const std::span from = std::span(parameter.quantization->indices).subspan(o * filter, filter);
            const auto grid = channel_grid(*parameter.quantization, static_cast<std::int64_t>(o));
            if (grid && copy_indices(from, *grid, to)) {
                result.scale[o] = grid->scale;
                continue;
            }
        }
        result.scale[o] = round_values(parameter.values.values().subspan(o * filter, filter), to);
    }
    return result;
}

}  // namespace eigenbit
