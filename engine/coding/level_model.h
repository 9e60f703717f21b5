#pragma once

#include "engine/base/error.h"
#include "engine/coding/level_neighbourhood.h"
#include "engine/coding/level_statistics.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstdlib>

namespace eigenbit::internal {

/// Codes the levels of one block, each as one interval: that of its magnitude, cut in two by its sign. The statistics
/// of a magnitude are chosen by the magnitude that the neighbours let expect; those of the sign by how much they say
/// about it, as trained kernels tend to repeat signs. Magnitudes from LevelStatistics::kEscape on are completed by
/// further intervals. Where large ones are expected, low bits are split off and stored as they are; the magnitude of a
/// negative level is one less there, so that 0 is no exception.
///
/// Every function codes what it is given, in a lane, and returns it; with a decoder it ignores what it is given and
/// returns what it reads. No branch depends on a level unless it is large: there is no guessing them.
class LevelModel {
  public:
    /// Throws Error where a level has no 16 bits.
    template <typename Coder>
    [[gnu::always_inline]] int code(Coder& coder, int lane, const LevelContext& context, int level) {
        const bool splits = context.magnitude_class >= kFirstClassWithLowBits;
        const int low_bits = splits ? (context.magnitude_class - kFirstClassWithLowBits + 2) / 2 : 0;
        const int zero_has_sign = splits ? 1 : 0;
        SymbolStatistics& magnitudes = statistics_.magnitude[static_cast<std::size_t>(context.magnitude_class)];

        int magnitude = level < 0 ? -level - zero_has_sign : level;
        const int low = magnitude & ((1 << low_bits) - 1);
        magnitude >>= low_bits;
        int symbol = std::min(magnitude, LevelStatistics::kEscape);
        std::uint32_t position = 0;
        if constexpr (Coder::kDecodes) {
            position = coder.position(lane);
            symbol = magnitudes.symbol(position);
        }
        BinaryStatistics& sign =
            statistics_.surprise[static_cast<std::size_t>(context.sign_class)][static_cast<std::size_t>(
                std::min(symbol + zero_has_sign, LevelStatistics::kSignMagnitudes - 1))];
        const Interval whole = magnitudes.interval(symbol);
        const std::uint32_t surprising = sign.share(whole.size);
        std::uint32_t surprised = 0;  // all bits or none
        if constexpr (Coder::kDecodes) {
            const std::uint32_t offset = position - whole.begin;
            surprised = 0U - ((offset - surprising) >> 31);
            const std::uint32_t expected = whole.size - surprising;
            coder.take(lane, offset - (surprising & ~surprised), expected ^ ((expected ^ surprising) & surprised));
        } else {
            if (level != 0 || zero_has_sign != 0) surprised = 0U - std::uint32_t{(level < 0) != context.negative};
            coder.put(lane, surprised != 0 ? Interval{whole.begin, surprising}
                                           : Interval{whole.begin + surprising, whole.size - surprising});
        }
        sign.update(surprised, kSignShifts[static_cast<std::size_t>(context.sign_class)]);
        magnitudes.update(symbol);

        const int minus = static_cast<int>(surprised) ^ -static_cast<int>(context.negative);  // -1 or 0
        if (symbol < LevelStatistics::kEscape && !splits) return (symbol ^ minus) - minus;
        int coded = symbol;
        if (symbol == LevelStatistics::kEscape) [[unlikely]]
            coded = code_escape(coder, lane, magnitude);
        if (splits) coded = coded << low_bits | code_raw(coder, lane, low_bits, low);
        const int result = (coded ^ minus) - (splits ? 0 : minus);
        if (result != static_cast<std::int16_t>(result)) fail("an entropy-coded level is {}, beyond 16 bits", result);
        return result;
    }

    /// `count` bits, 1 to 15, that are all equally likely.
    template <typename Coder>
    static int code_raw(Coder& coder, int lane, int count, int bits) {
        const int below = kIntervalBits - count;
        if constexpr (Coder::kDecodes) bits = static_cast<int>(coder.position(lane) >> below);
        code_interval(coder, lane, {static_cast<std::uint32_t>(bits) << below, 1U << below});
        return bits;
    }

  private:
    /// Where nothing is expected of the sign, nothing is learnt of it.
    static constexpr std::array<int, kSignClasses> kSignShifts = {31, 6, 6, 6, 6};

    /// A magnitude from kEscape on, in an exponential Golomb code of adaptive length.
    template <typename Coder>
    [[gnu::noinline]] int code_escape(Coder& coder, int lane, int magnitude) {
        const int rest = magnitude - LevelStatistics::kEscape + 1;
        int length = 0;
        if constexpr (Coder::kDecodes) {
            length = statistics_.escape.symbol(coder.position(lane));
        } else {
            length = static_cast<int>(std::bit_width(static_cast<unsigned>(rest))) - 1;
        }
        code_interval(coder, lane, statistics_.escape.interval(length));
        statistics_.escape.update(length);
        const int below = length == 0 ? 0 : code_raw(coder, lane, length, rest & ((1 << length) - 1));
        return LevelStatistics::kEscape - 1 + (1 << length | below);
    }

    template <typename Coder>
    static void code_interval(Coder& coder, int lane, Interval interval) {
        if constexpr (Coder::kDecodes) {
            coder.take(lane, coder.position(lane) - interval.begin, interval.size);
        } else {
            coder.put(lane, interval);
        }
    }

    LevelStatistics statistics_ = kInitialLevelStatistics;
};

}  // namespace eigenbit::internal
