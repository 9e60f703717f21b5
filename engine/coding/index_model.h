#pragma once

#include "engine/coding/index_neighbourhood.h"
#include "engine/coding/index_statistics.h"
#include "engine/coding/range_coder.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>

namespace eigenbit {

/// Codes the indices of one block as a few binary decisions each, as H.264's CABAC does with coefficients: zero or not;
/// the sign, against that of the neighbouring taps, which trained kernels tend to repeat; then, in unary, how large.
/// Where large magnitudes are expected, their low bits are split off first. The statistics of a decision are chosen by
/// the magnitude that the neighbours let expect.
///
/// Every function codes what it is given and returns it; with a decoder it ignores what it is given and returns what it
/// reads.
class IndexModel {
  public:
    /// Invalid data can decode to more than 16 bits.
    template <typename Coder>
    int code(Coder& coder, const IndexContext& context, int index) {
        MagnitudeStatistics& statistics = levels_[static_cast<std::size_t>(context.level)];
        const int low_bits = std::max(0, (context.level - kFirstLevelWithLowBits + 2) / 2);
        const int magnitude = std::abs(index);
        if (low_bits == 0) {
            if (!coder.bit(statistics.nonzero, magnitude > 0)) return 0;
            const int sign = code_sign(coder, context, index);
            const int agreement = context.prediction_class == 0 ? 0 : (sign < 0) == (context.prediction < 0) ? 1 : -1;
            return sign * code_unary(coder, statistics.larger[static_cast<std::size_t>(1 + agreement)], magnitude);
        }
        int high = 0;
        if (coder.bit(statistics.nonzero, magnitude >> low_bits > 0)) {
            high = code_unary(coder, statistics.larger[1], magnitude >> low_bits);
        }
        const std::size_t state = static_cast<std::size_t>(std::min(high, MagnitudeStatistics::kLowBitStates - 1));
        const int low = code_low_bits(coder, statistics.top_low_bit[state], low_bits, magnitude);
        const int coded = high << low_bits | low;
        return coded == 0 ? 0 : code_sign(coder, context, index) * coded;
    }

  private:
    static constexpr int kLongestEscape = 15;

    /// 1 or -1.
    template <typename Coder>
    int code_sign(Coder& coder, const IndexContext& context, int index) {
        const bool expected = context.prediction < 0;
        const bool surprise =
            coder.bit(signs_[static_cast<std::size_t>(context.prediction_class)], (index < 0) != expected);
        return surprise != expected ? -1 : 1;
    }

    /// A value from 1 on: in unary, and beyond that in an exponential Golomb code of adaptive length.
    template <typename Coder>
    int code_unary(Coder& coder, std::array<AdaptiveBit, MagnitudeStatistics::kUnary>& larger, int value) {
        constexpr int kUnary = MagnitudeStatistics::kUnary;
        int result = 1;
        while (result < kUnary && coder.bit(larger[static_cast<std::size_t>(result)], value > result)) ++result;
        if (result < kUnary) return result;

        const auto rest = static_cast<std::uint32_t>(value - kUnary + 1);
        int length = 0;
        while (length < kLongestEscape
               && coder.bit(escapes_[static_cast<std::size_t>(length)], rest >> (length + 1) != 0)) {
            ++length;
        }
        const std::uint32_t below = length == 0 ? 0 : coder.raw(length, rest & ((1U << length) - 1));
        return kUnary - 1 + static_cast<int>(1U << length | below);
    }

    /// The lowest bits of a magnitude: the first of them adaptive, the others as they are.
    template <typename Coder>
    static int code_low_bits(Coder& coder, AdaptiveBit& top, int count, int magnitude) {
        const int rest = count - 1;
        const int first = coder.bit(top, (magnitude >> rest & 1) != 0) ? 1 << rest : 0;
        if (rest == 0) return first;
        return first | static_cast<int>(coder.raw(rest, static_cast<std::uint32_t>(magnitude & ((1 << rest) - 1))));
    }

    LevelStatistics levels_ = kInitialLevelStatistics;
    std::array<AdaptiveBit, IndexContext::kPredictionClasses> signs_;
    std::array<AdaptiveBit, kLongestEscape> escapes_;
};

}  // namespace eigenbit
