#include "engine/weights/int8_weights.h"

#include "engine/kernels/integer_kernels.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
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
std::optional<IndexGrid> channel_grid(const Quantized& quantized, std::int64_t channel) {
    if (quantized.axis != 0) return std::nullopt;
    const auto block = std::ranges::find_if(
        quantized.blocks, [&](const QuantizedBlock& b) { return b.begin <= channel && channel < b.end; });
    if (block->bit_depth == 0) return IndexGrid{1, 0, 0.0F};
    if (block->offset == 0.0F) return IndexGrid{1, 0, block->step};
    if (block->offset == 0.5F) return IndexGrid{2, 1, 0.5F * block->step};
    return std::nullopt;
}

/// The largest magnitude of two neighbours' sum.
float largest_pair(std::span<const float> values) {
    float largest = 0.0F;
    for (std::size_t i = 1; i < values.size(); ++i) {
        largest = std::max(largest, std::abs(values[i - 1] + values[i]));
    }
    return largest;
}

/// The largest sum of those of one sign among two neighbours and the same two four inputs later, in rows of `inputs`.
float largest_four(std::span<const float> values, std::size_t inputs) {
    float largest = 0.0F;
    for (std::size_t row = 0; row < values.size(); row += inputs) {
        for (std::size_t i = 0; i + 6 <= inputs; i += 2) {
            float above = 0.0F;
            float below = 0.0F;
            for (const std::size_t at : {i, i + 1, i + 4, i + 5}) {
                above += std::max(values[row + at], 0.0F);
                below += std::min(values[row + at], 0.0F);
            }
            largest = std::max({largest, above, -below});
        }
    }
    return largest;
}

bool fits(int index) {
    return index >= std::numeric_limits<std::int8_t>::min() && index <= std::numeric_limits<std::int8_t>::max();
}

/// Whether all indices became codes.
bool copy_indices(std::span<const std::int16_t> from, const IndexGrid& grid, std::span<std::int8_t> to) {
    for (std::size_t i = 0; i < from.size(); ++i) {
        const int index = grid.factor * from[i] + grid.shift;
        if (!fits(index)) return false;
        to[i] = static_cast<std::int8_t>(index);
    }
    return true;
}

/// A filter (taps, inputs). Returns the step.
float round_values(std::span<const float> values, std::size_t inputs, std::span<std::int8_t> to) {
    float largest = 0.0F;
    for (const float value : values) largest = std::max(largest, std::abs(value));
    if (largest == 0.0F) {
        std::ranges::fill(to, std::int8_t{0});
        return 0.0F;
    }
    // Each of those that are summed may be rounded up: by a half, or by one where a rest is added before.
    const bool spreads = inputs < values.size();
    float step =
        std::max(largest / 127.0F, largest_pair(values) / static_cast<float>(kMostWordSum - (spreads ? 2 : 1)));
    if (spreads) step = std::max(step, largest_four(values, inputs) / static_cast<float>(kMostWordSum - 4));
    for (std::size_t input = 0; input < inputs; ++input) {
        float rest = 0.0F;
        for (std::size_t i = input; i < values.size(); i += inputs) {
            const float value = values[i] / step + rest;
            const float code = std::clamp(std::nearbyint(value), -127.0F, 127.0F);
            to[i] = static_cast<std::int8_t>(code);
            rest = std::clamp(value - code, -0.5F, 0.5F);
        }
    }
    return step;
}

constexpr int kLargestIndex = 127;

/// How often each index from -kLargestIndex to kLargestIndex occurs in a block, or none that is larger.
struct IndexCounts {
    std::array<std::int64_t, 2 * kLargestIndex + 1> counts{};
    bool complete = true;

    void add(int index) {
        if (std::abs(index) > kLargestIndex) {
            complete = false;
        } else {
            ++counts[static_cast<std::size_t>(index + kLargestIndex)];
        }
    }
};

/// By block.
std::vector<IndexCounts> count_indices(const Quantized& quantized) {
    std::vector<IndexCounts> counts(quantized.blocks.size());
    for_each_run(quantized, [&](const QuantizedBlock& block, std::int64_t begin, std::int64_t end) {
        IndexCounts& own = counts[static_cast<std::size_t>(&block - quantized.blocks.data())];
        for (std::int64_t i = begin; i < end; ++i) own.add(quantized.levels[static_cast<std::size_t>(i)]);
    });
    return counts;
}

/// What rounding to multiples of `step` adds to the squares of errors, in those that the blocks' own steps make. These
/// are the smaller the more a weight matters, so that errors count in units of them. Infinite where int8 does not hold
/// the codes.
double added_error(float step, const Quantized& quantized, std::span<const IndexCounts> counts) {
    double added = 0.0;
    std::int64_t weights = 0;
    for (std::size_t b = 0; b < counts.size(); ++b) {
        const QuantizedBlock& block = quantized.blocks[b];
        if (block.bit_depth == 0) continue;
        for (int index = -kLargestIndex; index <= kLargestIndex; ++index) {
            const std::int64_t count = counts[b].counts[static_cast<std::size_t>(index + kLargestIndex)];
            if (count == 0) continue;
            const double value = block.value(static_cast<float>(index));
            const double code = std::nearbyint(value / step);
            if (std::abs(code) > kLargestIndex) return std::numeric_limits<double>::infinity();
            const double error = (code * step - value) / block.step;
            added += 12.0 * error * error * static_cast<double>(count);
            weights += count;
        }
    }
    return weights == 0 ? 0.0 : added / static_cast<double>(weights);
}

/// The largest step for all blocks that adds next to nothing, so that codes are small: they then take few bits, and
/// their products can be summed in few. It divides a block's own. (Added errors weigh more than their squares tell:
/// each index always has the same.)
std::optional<float> common_step(const Quantized& quantized) {
    constexpr double kMostAdded = 1.0 / 1024.0;
    constexpr int kMostParts = 16;
    const std::vector<IndexCounts> counts = count_indices(quantized);
    if (!std::ranges::all_of(counts, &IndexCounts::complete)) return std::nullopt;
    std::vector<float> candidates;
    for (const QuantizedBlock& block : quantized.blocks) {
        for (int parts = 1; block.bit_depth > 0 && parts <= kMostParts; ++parts) {
            candidates.push_back(block.step / static_cast<float>(parts));
        }
    }
    std::ranges::sort(candidates, std::greater{});
    const auto found = std::ranges::find_if(
        candidates, [&](float step) { return added_error(step, quantized, counts) <= kMostAdded; });
    return found == candidates.end() ? std::nullopt : std::optional(*found);
}

/// Of blocks of input channels.
std::optional<Int8Weights> input_block_weights(const Quantized& quantized) {
    if (quantized.axis != quantized.shape.rank() - 1) return std::nullopt;
    const std::optional<float> common = common_step(quantized);
    if (!common) return std::nullopt;
    const float step = *common;
    Int8Weights result{std::vector<std::int8_t>(quantized.levels.size()),
                       std::vector<float>(static_cast<std::size_t>(quantized.shape[0]), step),
                       {}};
    for (const QuantizedBlock& block : quantized.blocks) result.input_cuts.push_back(block.begin);
    for_each_run(quantized, [&](const QuantizedBlock& block, std::int64_t begin, std::int64_t end) {
        if (block.bit_depth == 0) return;
        for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
            result.codes[i] = static_cast<std::int8_t>(std::lrint(block.value(quantized.levels[i]) / step));
        }
    });
    return result;
}

}  // namespace

Int8Weights int8_weights(const Weight& stored) {
    const std::optional<Quantized> in_memory =
        stored.quantized() ? std::optional(loaded(*stored.quantized())) : std::nullopt;
    const Quantized* const quantized = in_memory ? &*in_memory : nullptr;
    if (quantized) {
        if (std::optional<Int8Weights> blocks = input_block_weights(*quantized)) return *std::move(blocks);
    }
    const Shape& shape = stored.shape();
    std::optional<Tensor> values;  // made where levels do not do
    const auto channels = static_cast<std::size_t>(shape[0]);
    const auto filter = static_cast<std::size_t>(shape.elements(1, shape.rank()));
    const auto inputs = static_cast<std::size_t>(shape.back());
    Int8Weights result{std::vector<std::int8_t>(channels * filter), std::vector<float>(channels), {}};
    if (quantized && quantized->axis == shape.rank() - 1) {
        for (const QuantizedBlock& block : quantized->blocks) result.input_cuts.push_back(block.begin);
    }
    for (std::size_t o = 0; o < channels; ++o) {
        const std::span to = std::span(result.codes).subspan(o * filter, filter);
        if (quantized) {
            const std::span from = std::span(quantized->levels).subspan(o * filter, filter);
            const auto grid = channel_grid(*quantized, static_cast<std::int64_t>(o));
            if (grid && copy_indices(from, *grid, to)) {
                result.scale[o] = grid->scale;
                continue;
            }
        }
        if (!values) values = quantized ? image(*quantized) : image(stored);
        result.scale[o] = round_values(values->values().subspan(o * filter, filter), inputs, to);
    }
    return result;
}

Tensor image(const Int8Weights& weights, const Shape& shape) {
    Tensor values(shape);
    const auto filter = static_cast<std::size_t>(shape.elements(1, shape.rank()));
    for (std::size_t i = 0; i < weights.codes.size(); ++i) {
        values[static_cast<std::int64_t>(i)] = weights.scale[i / filter] * static_cast<float>(weights.codes[i]);
    }
    return values;
}

}  // namespace eigenbit
