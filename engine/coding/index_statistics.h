#pragma once

#include "engine/coding/range_coder.h"

#include <array>
#include <cstdint>

namespace eigenbit {

/// Levels of the magnitude that neighbours let expect: half octaves above 2⁻¹⁰.
inline constexpr int kMagnitudeLevels = 40;
/// From this level on (an expected magnitude of 4), low bits are split off: one more for every octave.
inline constexpr int kFirstLevelWithLowBits = 24;

/// Adaptive statistics of the decisions that make up an index, for one level of the expected magnitude.
struct MagnitudeStatistics {
    static constexpr int kUnary = 14;  // magnitudes from here on are escaped
    static constexpr int kLowBitStates = 8;

    AdaptiveBit nonzero;
    std::array<std::array<AdaptiveBit, kUnary>, 3> larger;  // [1 + agreement of the signs][magnitude so far]
    std::array<AdaptiveBit, kLowBitStates> top_low_bit;     // by the magnitude without its low bits
};

using LevelStatistics = std::array<MagnitudeStatistics, kMagnitudeLevels>;

/// How compressed networks behave on average, so that small blocks lose little to learning: means over the first
/// occurrences in the blocks of ResNet-20 and -56, DnCNN, IMDN, MobileNet-v1 and DenseNet-40 at 0.5 to 5 bits a weight.
/// Large magnitudes look alike once their low bits are split off: beyond the tables, levels repeat the last two.
constexpr LevelStatistics initial_level_statistics() {
    constexpr int kRows = kFirstLevelWithLowBits + 2;
    constexpr std::array<std::uint32_t, kRows> kNonzeroPerMille = {25,  25,  25,  25,  25,  25,  25,  25,  31,
                                                                   37,  51,  70,  80,  102, 133, 171, 244, 323,
                                                                   425, 526, 632, 715, 764, 830, 680, 765};
    constexpr std::array<std::uint32_t, kRows> kLargerPerMille = {
        5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 9, 19, 25, 38, 67, 118, 195, 330, 452, 574, 676, 560, 668};
    constexpr std::uint32_t kTopLowBitPerMille = 440;
    constexpr std::uint32_t kTrust = 16;  // observations that these means count for

    LevelStatistics levels{};
    for (std::size_t level = 0; level < levels.size(); ++level) {
        const std::size_t row = level < kRows ? level : kFirstLevelWithLowBits + level % 2;
        levels[level].nonzero = AdaptiveBit(kNonzeroPerMille[row], kTrust);
        for (auto& larger : levels[level].larger) larger.fill(AdaptiveBit(kLargerPerMille[row], kTrust));
        levels[level].top_low_bit.fill(AdaptiveBit(kTopLowBitPerMille, kTrust));
    }
    return levels;
}

inline constexpr LevelStatistics kInitialLevelStatistics = initial_level_statistics();

}  // namespace eigenbit
