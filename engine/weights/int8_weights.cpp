#include "engine/weights/int8_weights.h"

#include "engine/kernels/int8/kernels.h"
#include "engine/weights/image_rows.h"

#include <tbb/parallel_for.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <optional>
#include <span>

namespace eigenbit::internal {
namespace {

/// How levels become codes, code = factor · level + shift, and the scale of the codes.
struct LevelScale {
    int factor;
    int shift;
    float scale;
};

/// Of an output channel whose weights all belong to one block.
std::optional<LevelScale> channel_scale(const Quantized& quantized, std::int64_t channel) {
    if (quantized.axis != 0) return std::nullopt;
    const auto block = std::ranges::find_if(
        quantized.blocks, [&](const QuantizedBlock& b) { return b.begin <= channel && channel < b.end; });
    if (block->bit_depth == 0) return LevelScale{1, 0, 0.0F};
    if (block->offset == 0.0F) return LevelScale{1, 0, block->step};
    if (block->offset == 0.5F) return LevelScale{2, 1, 0.5F * block->step};
    return std::nullopt;
}

bool fits(int code) {
    return code >= std::numeric_limits<std::int8_t>::min() && code <= std::numeric_limits<std::int8_t>::max();
}

/// Returns whether int8 holds all codes.
bool copy_levels(std::span<const std::int16_t> from, const LevelScale& to_code, std::span<std::int8_t> to) {
    for (std::size_t i = 0; i < from.size(); ++i) {
        const int code = to_code.factor * from[i] + to_code.shift;
        if (!fits(code)) return false;
        to[i] = static_cast<std::int8_t>(code);
    }
    return true;
}

/// Rounds filters (taps, inputs) of floats to codes. Its loops are such that compilers vectorize them.
class FilterRounding {
  public:
    explicit FilterRounding(std::size_t inputs)
        : inputs_(inputs), rest_(inputs), codes_(inputs), above_(inputs), below_(inputs) {}

    /// Returns the step, 0 where all values are.
    float round(std::span<const float> values, std::span<std::int8_t> to) {
        const float step = step_for(values);
        if (step == 0.0F) {
            std::ranges::fill(to, std::int8_t{0});
            return 0.0F;
        }
        std::ranges::fill(rest_, 0.0F);
        for (std::size_t row = 0; row < values.size(); row += inputs_) {
            round_tap(values.subspan(row, inputs_), step);
            std::ranges::transform(codes_, to.begin() + static_cast<std::ptrdiff_t>(row), [](float code) {
                return static_cast<std::int8_t>(static_cast<std::int32_t>(code));
            });
        }
        return step;
    }

  private:
    // Adding it makes the last bit of a float that is small beside it a 1: the sum is rounded to an integer, to even.
    static constexpr float kRounder = 0x1.8p23F;

    /// The bits of a magnitude, which are ordered as the magnitudes are.
    static std::int32_t magnitude_bits(float value) { return std::bit_cast<std::int32_t>(value) & 0x7FFFFFFF; }

    /// With a magnitude of at most `most`.
    static float clamped(float value, float most) {
        const std::int32_t sign = std::bit_cast<std::int32_t>(value) & ~0x7FFFFFFF;
        return std::bit_cast<float>(std::min(magnitude_bits(value), magnitude_bits(most)) | sign);
    }

    void round_tap(std::span<const float> values, float step) {
        for (std::size_t i = 0; i < values.size(); ++i) {
            const float value = values[i] / step + rest_[i];
            const float code = (clamped(value, 127.0F) + kRounder) - kRounder;
            codes_[i] = code;
            rest_[i] = clamped(value - code, 0.5F);
        }
    }

    float step_for(std::span<const float> values) {
        std::int32_t largest = 0;
        std::int32_t largest_pair = 0;
        for (const float value : values) largest = std::max(largest, magnitude_bits(value));
        for (std::size_t i = 1; i < values.size(); ++i) {
            largest_pair = std::max(largest_pair, magnitude_bits(values[i - 1] + values[i]));
        }
        // Each of those that are summed may be rounded up: by a half, or by one where a rest is added before.
        const bool spreads = inputs_ < values.size();
        const float step = std::max(std::bit_cast<float>(largest) / 127.0F,
                                    std::bit_cast<float>(largest_pair)
                                        / (spreads ? kLargestInt16WeightSum - 2 : kLargestInt16WeightSum - 1));
        return spreads ? std::max(step, largest_four(values) / (kLargestInt16WeightSum - 4)) : step;
    }

    /// The largest sum of those of one sign among two neighbours and the same two four inputs later.
    float largest_four(std::span<const float> values) {
        std::int32_t largest = 0;
        const std::size_t pairs = inputs_ / 2;
        for (std::size_t row = 0; row < values.size(); row += inputs_) {
            for (std::size_t pair = 0; pair < pairs; ++pair) {
                const float first = values[row + 2 * pair];
                const float second = values[row + 2 * pair + 1];
                above_[pair] = std::max(first, 0.0F) + std::max(second, 0.0F);
                below_[pair] = std::min(first, 0.0F) + std::min(second, 0.0F);
            }
            for (std::size_t pair = 2; pair < pairs; ++pair) {
                largest = std::max(largest, magnitude_bits(above_[pair - 2] + above_[pair]));
                largest = std::max(largest, magnitude_bits(below_[pair - 2] + below_[pair]));
            }
        }
        return std::bit_cast<float>(largest);
    }

    std::size_t inputs_;
    std::vector<float> rest_;           // by input: what rounding took at the tap before
    std::vector<float> codes_;          // of a tap
    std::vector<float> above_, below_;  // by pair of inputs: sums of those of one sign
};

constexpr int kLargestLevel = 127;

/// How often each level from -kLargestLevel to kLargestLevel occurs in a block, or none that is larger.
struct LevelCounts {
    std::array<std::int64_t, 2 * kLargestLevel + 1> counts{};
    bool complete = true;

    void add(int level) {
        if (std::abs(level) > kLargestLevel) {
            complete = false;
        } else {
            ++counts[static_cast<std::size_t>(level + kLargestLevel)];
        }
    }
};

/// By block.
std::vector<LevelCounts> count_levels(const Quantized& quantized) {
    std::vector<LevelCounts> counts(quantized.blocks.size());
    for_each_run(quantized, [&](const QuantizedBlock& block, std::int64_t begin, std::int64_t end) {
        LevelCounts& own = counts[static_cast<std::size_t>(&block - quantized.blocks.data())];
        for (std::int64_t i = begin; i < end; ++i) own.add(quantized.levels[static_cast<std::size_t>(i)]);
    });
    return counts;
}

/// What rounding to multiples of `step` adds to the squares of errors, in those that the blocks' own steps make. These
/// are the smaller the more a weight matters, so that errors count in units of them. Infinite where int8 does not hold
/// the codes.
double added_error(float step, const Quantized& quantized, std::span<const LevelCounts> counts) {
    double added = 0.0;
    std::int64_t weights = 0;
    for (std::size_t b = 0; b < counts.size(); ++b) {
        const QuantizedBlock& block = quantized.blocks[b];
        if (block.bit_depth == 0) continue;
        for (int level = -kLargestLevel; level <= kLargestLevel; ++level) {
            const std::int64_t count = counts[b].counts[static_cast<std::size_t>(level + kLargestLevel)];
            if (count == 0) continue;
            const double value = block.value(static_cast<float>(level));
            const double code = std::nearbyint(value / step);
            if (std::abs(code) > kLargestLevel) return std::numeric_limits<double>::infinity();
            const double error = (code * step - value) / block.step;
            added += 12.0 * error * error * static_cast<double>(count);
            weights += count;
        }
    }
    return weights == 0 ? 0.0 : added / static_cast<double>(weights);
}

/// The step that all blocks have, if they have one, no offset, and levels that int8 holds.
std::optional<float> shared_step(const Quantized& quantized) {
    std::optional<float> step;
    for (const QuantizedBlock& block : quantized.blocks) {
        if (block.bit_depth == 0) continue;
        if (block.offset != 0.0F || (step && *step != block.step)) return std::nullopt;
        step = block.step;
    }
    const auto [lowest, highest] = level_range(quantized.levels);
    if (lowest < -kLargestLevel || highest > kLargestLevel) return std::nullopt;
    return step;
}

/// The largest step for all blocks that adds next to nothing, so that codes are small: they then take few bits, and
/// their products can be summed in few. It divides a block's own. (Added errors weigh more than their squares tell:
/// each level always has the same.)
std::optional<float> common_step(const Quantized& quantized) {
    constexpr double kMostAdded = 1.0 / 1024.0;
    constexpr int kMostParts = 16;
    const std::vector<LevelCounts> counts = count_levels(quantized);
    if (!std::ranges::all_of(counts, &LevelCounts::complete)) return std::nullopt;
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

/// By block, the codes of the levels from -kLargestLevel to kLargestLevel that its bit depth holds. They are saturated:
/// levels that do not occur may have codes that int8 does not hold.
std::vector<std::array<std::int8_t, 2 * kLargestLevel + 1>> level_codes(const Quantized& quantized, float step) {
    std::vector<std::array<std::int8_t, 2 * kLargestLevel + 1>> codes(quantized.blocks.size());
    for (std::size_t b = 0; b < codes.size(); ++b) {
        const QuantizedBlock& block = quantized.blocks[b];
        if (block.bit_depth == 0) continue;
        const int most = std::min(1 << (block.bit_depth - 1), kLargestLevel);
        for (int level = -most; level <= most; ++level) {
            const float code = std::nearbyint(block.value(static_cast<float>(level)) / step);
            codes[b][static_cast<std::size_t>(level + kLargestLevel)] =
                static_cast<std::int8_t>(std::clamp<float>(code, -kLargestLevel, kLargestLevel));
        }
    }
    return codes;
}

/// Of blocks of input channels.
std::optional<Int8Weights> input_block_weights(const Quantized& quantized) {
    if (quantized.axis != quantized.shape.rank() - 1) return std::nullopt;
    const std::optional<float> shared = shared_step(quantized);
    const std::optional<float> common = shared ? shared : common_step(quantized);
    if (!common) return std::nullopt;
    const float step = *common;
    Int8Weights result{std::vector<std::int8_t>(quantized.levels.size()),
                       std::vector<float>(static_cast<std::size_t>(quantized.shape[0]), step),
                       {}};
    for (const QuantizedBlock& block : quantized.blocks) result.input_cuts.push_back(block.begin);
    if (shared) {
        std::ranges::transform(quantized.levels, result.codes.begin(),
                               [](std::int16_t level) { return static_cast<std::int8_t>(level); });
        return result;
    }
    const auto codes = level_codes(quantized, step);
    for_each_run(quantized, [&](const QuantizedBlock& block, std::int64_t begin, std::int64_t end) {
        const auto& own = codes[static_cast<std::size_t>(&block - quantized.blocks.data())];
        for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
            result.codes[i] = own[static_cast<std::size_t>(quantized.levels[i] + kLargestLevel)];
        }
    });
    return result;
}

}  // namespace

Int8Weights int8_weights(const Weight& stored) {
    constexpr std::int64_t kPartWeights = 1 << 16;  // whose floats fit a cache
    const std::optional<Quantized> quantized =
        stored.quantized() ? std::optional(loaded(*stored.quantized())) : std::nullopt;
    if (quantized) {
        if (std::optional<Int8Weights> blocks = input_block_weights(*quantized)) return *std::move(blocks);
    }
    const Shape& shape = stored.shape();
    const auto channels = static_cast<std::size_t>(shape[0]);
    const auto filter = static_cast<std::size_t>(shape.elements(1, shape.rank()));
    Int8Weights result{std::vector<std::int8_t>(channels * filter), std::vector<float>(channels), {}};
    if (quantized && quantized->axis == shape.rank() - 1) {
        for (const QuantizedBlock& block : quantized->blocks) result.input_cuts.push_back(block.begin);
    }
    const auto codes_of = [&](std::int64_t o) {
        return std::span(result.codes).subspan(static_cast<std::size_t>(o) * filter, filter);
    };
    const auto copies_levels = [&](std::int64_t o) {
        if (!quantized) return false;
        const std::span from = std::span(quantized->levels).subspan(static_cast<std::size_t>(o) * filter, filter);
        const auto to_code = channel_scale(*quantized, o);
        if (!to_code || !copy_levels(from, *to_code, codes_of(o))) return false;
        result.scale[static_cast<std::size_t>(o)] = to_code->scale;
        return true;
    };
    std::vector<std::int64_t> to_round;
    for (std::int64_t o = 0; o < shape[0]; ++o) {
        if (!copies_levels(o)) to_round.push_back(o);
    }
    if (to_round.empty()) return result;
    const ImageRows image = quantized ? ImageRows(*quantized) : ImageRows(stored);
    const std::int64_t part = std::max<std::int64_t>(kPartWeights / static_cast<std::int64_t>(filter), 1);
    const std::int64_t parts = (shape[0] + part - 1) / part;
    tbb::parallel_for(std::int64_t{0}, parts, [&](std::int64_t p) {
        const std::int64_t begin = p * part;
        const std::int64_t end = std::min(begin + part, shape[0]);
        const auto first = std::ranges::lower_bound(to_round, begin);
        const auto last = std::ranges::lower_bound(to_round, end);
        if (first == last) return;
        const Tensor values = image.rows(begin, end);
        FilterRounding rounding(static_cast<std::size_t>(shape.back()));
        for (const std::int64_t o : std::span(first, last)) {
            const std::span from = values.values().subspan(static_cast<std::size_t>(o - begin) * filter, filter);
            result.scale[static_cast<std::size_t>(o)] = rounding.round(from, codes_of(o));
        }
    });
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

Quantized levels_of(const Int8Weights& weights, const Shape& shape) {
    constexpr int kBitDepth = 8;
    Quantized result{shape, 0, {}, {weights.codes.begin(), weights.codes.end()}};
    for (std::int64_t o = 0; o < shape[0]; ++o) {
        const float step = weights.scale[static_cast<std::size_t>(o)];
        result.blocks.push_back({o, o + 1, step == 0.0F ? 0 : kBitDepth, step});
    }
    return result;
}

}  // namespace eigenbit::internal
