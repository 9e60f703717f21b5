#pragma once

#include "engine/coding/interval_coder.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace eigenbit::internal {

/// An adaptive estimate of the probability that a binary decision is 1: a running mean. Integer arithmetic only, so
/// that the same decisions cost the same on every machine.
class BinaryStatistics {
  public:
    BinaryStatistics() = default;
    constexpr explicit BinaryStatistics(std::uint32_t per_mille)
        : probability_(static_cast<std::uint16_t>(per_mille * 65536 / 1000)) {}

    /// How much of an interval of this size, 2 or more, stands for 1: at least 1, and less than all.
    std::uint32_t share(std::uint32_t size) const { return ((size - 1) * probability_ + 0xFFFF) >> 16; }

    /// `mask` has all bits where a 1 was seen, and none otherwise; a new observation has the weight 2⁻⁶.
    /// Where `learns` has no bits, nothing changes.
    void update(std::uint32_t mask, std::uint32_t learns) {
        std::uint32_t towards_zero = (probability_ ^ mask) & 0xFFFF;
        towards_zero -= towards_zero >> 6 & learns;
        probability_ = static_cast<std::uint16_t>(towards_zero ^ mask);
    }

  private:
    std::uint16_t probability_ = 1 << 15;  // in 2⁻¹⁶. 0 stays 0 when no 1 is seen
};

/// Adaptive statistics of a symbol: counts, and the intervals that followed from them when last looked at. That is the
/// less often the more has been counted.
class alignas(128) SymbolStatistics {
  public:
    static constexpr int kSymbols = 16;
    static constexpr int kUnit = 32;                  ///< that an observation counts
    static constexpr int kInitialCount = 48 * kUnit;  ///< the sum of a table's counts, nearly

    SymbolStatistics() = default;
    /// From counts above 0, in all a few times kUnit.
    constexpr explicit SymbolStatistics(const std::array<std::uint16_t, kSymbols>& counts) : counts_(counts) {
        recompute();
    }

    Interval interval(int symbol) const {
        const auto s = static_cast<std::size_t>(symbol);
        return {begins_[s], static_cast<std::uint32_t>(begins_[s + 1] - begins_[s])};
    }

    /// The symbol in whose interval a position lies.
    int symbol(std::uint32_t position) const {
#ifdef __SSE2__
        const __m128i wanted = _mm_set1_epi16(static_cast<short>(position));
        const auto beyond = [&](std::size_t symbol) {
            return _mm_cmpgt_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(begins_.data() + symbol)), wanted);
        };
        // The last interval's end, 2¹⁵, is negative there: that it lies beyond need not be found out.
        const int beyond_mask = _mm_movemask_epi8(_mm_packs_epi16(beyond(1), beyond(9))) | 1 << (kSymbols - 1);
        return std::countr_zero(static_cast<std::uint32_t>(beyond_mask));
#else
        int symbol = 0;
        for (std::size_t s = 1; s < kSymbols; ++s) symbol += begins_[s] <= position ? 1 : 0;
        return symbol;
#endif
    }

    void update(int symbol) {
        std::uint16_t& count = counts_[static_cast<std::size_t>(symbol)];
        count = static_cast<std::uint16_t>(count + kUnit);
        if (--left_ == 0) [[unlikely]]
            recompute();
    }

  private:
    static constexpr std::uint32_t kLeastSize = 2;  // of an interval, so that it can be cut in two
    static constexpr std::uint32_t kLargestTotal = 1920 * kUnit;
    static constexpr std::uint32_t kLongestWait = 64;

    [[gnu::noinline]] constexpr void recompute() {
        std::uint32_t total = 0;
        for (const std::uint32_t count : counts_) total += count;
        if (total > kLargestTotal) {
            total = 0;
            for (std::uint16_t& count : counts_) {
                count = static_cast<std::uint16_t>((count + 1) / 2);
                total += count;
            }
        }
        const std::uint32_t scale = ((kIntervals - kSymbols * kLeastSize) << 16) / total;
        std::uint32_t below = 0;
        for (std::size_t s = 0; s < kSymbols; ++s) {
            begins_[s] = static_cast<std::uint16_t>((below * scale >> 16) + kLeastSize * s);
            below += counts_[s];
        }
        left_ = static_cast<std::uint16_t>(std::clamp(total / (8 * kUnit), 1U, kLongestWait));
    }

    std::array<std::uint16_t, kSymbols + 1> begins_{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, kIntervals};
    std::array<std::uint16_t, kSymbols> counts_{};
    std::uint16_t left_ = 1;  // observations until the intervals are computed again
};

/// Classes of the magnitude expected from neighbours: half octaves above 2⁻¹⁰.
inline constexpr int kMagnitudeClasses = 40;
/// From this class on (an expected magnitude of 5.7), low bits are split off: one more for every octave.
inline constexpr int kFirstClassWithLowBits = 25;
/// Classes of the sign expected from the taps before and above.
inline constexpr int kSignClasses = 5;

/// Adaptive statistics of all that is coded of a block's levels.
struct LevelStatistics {
    static constexpr int kEscape = SymbolStatistics::kSymbols - 1;  ///< as a magnitude: this or more
    static constexpr int kSignMagnitudes = 4;                       ///< 0, for which there is no sign; 1, 2, and more

    std::array<SymbolStatistics, kMagnitudeClasses> magnitude;  ///< without low bits, up to kEscape
    SymbolStatistics escape;                                    ///< the bit length of the magnitude less kEscape
    std::array<std::array<BinaryStatistics, kSignMagnitudes>, kSignClasses> surprise;  ///< in the sign
};

/// How compressed networks behave on average, so that small blocks lose little to learning: means over the first
/// occurrences in the blocks of ResNet-20 and -56 at 1 to 4 bits a weight. Large magnitudes look alike once their low
/// bits are split off: beyond the tables, classes repeat the last two.
constexpr LevelStatistics initial_level_statistics() {
    constexpr int kRows = kFirstClassWithLowBits + 2;
    constexpr std::array<std::uint32_t, kRows> kAboveZero = {10,  10,  10,  10,  10,  10,  10,  12,  15,
                                                             22,  35,  48,  67,  94,  130, 177, 238, 324,
                                                             414, 512, 598, 645, 695, 762, 800, 700, 760};
    constexpr std::array<std::uint32_t, kRows> kAboveOne = {17,  17,  17,  17,  17,  17,  17,  17,  17,
                                                            18,  19,  20,  24,  27,  36,  56,  87,  132,
                                                            207, 326, 462, 598, 705, 795, 840, 755, 810};
    constexpr std::array<std::uint32_t, kRows> kLarger = {150, 150, 150, 150, 150, 150, 150, 150, 150,
                                                          150, 150, 150, 150, 150, 150, 150, 175, 215,
                                                          265, 325, 430, 530, 630, 728, 780, 716, 775};
    constexpr std::array<std::array<std::uint32_t, LevelStatistics::kSignMagnitudes>, kSignClasses> kSurprise = {
        {{0, 500, 500, 500}, {0, 440, 420, 400}, {0, 400, 370, 340}, {0, 340, 300, 260}, {0, 300, 250, 200}}};

    using Counts = std::array<std::uint16_t, SymbolStatistics::kSymbols>;
    constexpr auto count = [](std::uint32_t share) {  // in 2⁻¹⁶
        return static_cast<std::uint16_t>(std::max(share * SymbolStatistics::kInitialCount >> 16, 1U));
    };
    LevelStatistics statistics{};
    for (std::size_t c = 0; c < kMagnitudeClasses; ++c) {
        const std::size_t row = c < kRows ? c : kFirstClassWithLowBits + (c - kFirstClassWithLowBits) % 2;
        Counts counts{};
        std::uint32_t left = 1U << 16;
        for (std::size_t m = 0; m < LevelStatistics::kEscape; ++m) {
            const std::uint32_t above = left * (m == 0 ? kAboveZero : m == 1 ? kAboveOne : kLarger)[row] / 1000;
            counts[m] = count(left - above);
            left = above;
        }
        counts[LevelStatistics::kEscape] = count(left);
        statistics.magnitude[c] = SymbolStatistics(counts);
    }
    Counts lengths{};
    for (std::size_t n = 0; n < lengths.size(); ++n) lengths[n] = count((1U << 15) >> n);
    statistics.escape = SymbolStatistics(lengths);
    for (std::size_t c = 0; c < kSignClasses; ++c) {
        for (std::size_t m = 0; m < LevelStatistics::kSignMagnitudes; ++m) {
            statistics.surprise[c][m] = BinaryStatistics(kSurprise[c][m]);
        }
    }
    return statistics;
}

inline constexpr LevelStatistics kInitialLevelStatistics = initial_level_statistics();

}  // namespace eigenbit::internal
