#include "compress/curves/candidates.h"

#include "engine/coding/level_coder.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <numeric>

namespace eigenbit::internal {
namespace {

constexpr float kQuarterOctave = 0.25F;
constexpr int kFixedSteps = 14;    // quarter octaves searched for each depth
constexpr int kOffsetDepths = 3;   // beyond it, one level more on one side of zero hardly matters
constexpr int kEntropySteps = 36;  // quarter octaves from 4 times the values' root mean square downwards

float root_mean_square(std::span<const float> values) {
    double sum = 0.0;
    for (const float value : values) sum += static_cast<double>(value) * value;
    return static_cast<float>(std::sqrt(sum / static_cast<double>(values.size())));
}

/// The nearest step on a grid of quarter octaves, so that a step is stored in one byte.
float on_grid(float log_step) { return std::exp2(std::round(log_step / kQuarterOctave) * kQuarterOctave); }

/// Levels for one step: the paper's, which have one more below zero than above, and symmetric ones around zero and
/// around the mean.
std::vector<Candidate> shifted_candidates(const Candidate& plain, float mean) {
    constexpr float kResolution = 1.0F / 16.0F;
    std::vector<Candidate> result{plain, plain};
    result[1].quantizer.offset = 0.5F;
    const float shift = kResolution * std::round(mean / plain.quantizer.step / kResolution);
    if (shift != 0.0F) {
        result.push_back(plain);
        result[2].quantizer.offset = 0.5F + shift;
        result[2].bits += offset_bits(result[2].quantizer.offset);
    }
    return result;
}

Curve fixed_candidates(std::span<const float> values, float rms, const CandidateOptions& options) {
    const float mean = std::accumulate(values.begin(), values.end(), 0.0F)
                       / static_cast<float>(std::max<std::size_t>(values.size(), 1));
    Curve curve;
    for (int depth = 1; depth <= options.max_bit_depth; ++depth) {
        const double bits = depth * static_cast<double>(values.size()) + kSideInformationBits;
        // Half an octave less for each further bit than halving would give: clipping moves outwards slowly.
        const float first = std::log2(rms) + 1.0F - 0.9F * static_cast<float>(depth);
        for (int j = 0; j < kFixedSteps; ++j) {
            const float step = on_grid(first + kQuarterOctave * static_cast<float>(j));
            const Candidate plain{.quantizer = {.bit_depth = depth, .step = step}, .bits = bits};
            if (options.offsets && depth <= kOffsetDepths) {
                std::ranges::copy(shifted_candidates(plain, mean), std::back_inserter(curve));
            } else {
                curve.push_back(plain);
            }
        }
    }
    return curve;
}

Curve entropy_candidates(std::span<const float> values, float rms, const CandidateOptions& options) {
    constexpr std::array kDeadZones{0.0F, 0.1F, 0.2F, 0.3F};
    Curve curve;
    std::vector<std::int16_t> levels(values.size());
    for (int j = 0; j < kEntropySteps; ++j) {
        const float step = on_grid(std::log2(rms) + 2.0F - kQuarterOctave * static_cast<float>(j));
        for (const float dead_zone : kDeadZones) {
            const Quantizer quantizer{.bit_depth = Quantizer::kUnclipped, .step = step, .dead_zone = dead_zone};
            quantize(values, quantizer, levels);
            curve.push_back({.quantizer = quantizer, .bits = estimated_bits(levels) + kSideInformationBits});
            if (!options.dead_zones) break;
        }
    }
    return curve;
}

}  // namespace

Curve candidates(std::span<const float> values, const CandidateOptions& options) {
    Curve curve{Candidate{}};
    const float rms = root_mean_square(values);
    constexpr float kNothing = 0x1p-20F;  // weights this small are zero for every network seen
    if (!(rms > kNothing)) return curve;
    const Curve others = options.coding == Coding::fixed ? fixed_candidates(values, rms, options)
                                                         : entropy_candidates(values, rms, options);
    curve.insert(curve.end(), others.begin(), others.end());
    return curve;
}

}  // namespace eigenbit::internal
