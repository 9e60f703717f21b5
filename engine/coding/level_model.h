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
    [[gnu::always_inline]] SignedLevel code(Coder& coder, int lane, const LevelContext& context, int level) {
        if (context.magnitude_class >= kFirstClassWithLowBits) {
            return code_split(coder, lane, context, level);
        }
        const int magnitude = level < 0 ? -level : level;
        const Coded coded =
            code_symbol<0>(coder, lane, context, std::min(magnitude, LevelStatistics::kEscape), level < 0);
        if (coded.symbol == LevelStatistics::kEscape) [[unlikely]] {
            const int large = apart(coder, [&](Coder& c) { return code_escape(c, lane, magnitude); });
            return checked((large ^ coded.minus) - coded.minus);
        }
        return {(coded.symbol ^ coded.minus) - coded.minus, coded.symbol};
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
    /// Calls a function with a coder that is not this one, which can stay in registers therefore.
    template <typename Coder, typename Function>
    [[gnu::always_inline]] static auto apart(Coder& coder, const Function& function) {
        Coder other = std::move(coder);
        const auto result = function(other);
        coder = std::move(other);
        return result;
    }

    struct Coded {
        int symbol;
        int minus;  ///< -1 or 0
    };

    /// A magnitude, or the higher bits of one, up to kEscape, and the sign; 0 has none where kZeroHasSign is 0.
    template <int kZeroHasSign, typename Coder>
    [[gnu::always_inline]] Coded code_symbol(Coder& coder, int lane, const LevelContext& context, int symbol,
                                             bool negative) {
        SymbolStatistics& magnitudes = statistics_.magnitude[static_cast<std::size_t>(context.magnitude_class)];
        std::uint32_t position = 0;
        if constexpr (Coder::kDecodes) {
            position = coder.position(lane);
            symbol = magnitudes.symbol(position);
        }
        BinaryStatistics& sign =
            statistics_.surprise[static_cast<std::size_t>(context.sign_class)][static_cast<std::size_t>(
                std::min(symbol + kZeroHasSign, LevelStatistics::kSignMagnitudes - 1))];
        const Interval whole = magnitudes.interval(symbol);
        const std::uint32_t surprising = sign.share(whole.size);
        const std::uint32_t expected = whole.size - surprising;
        std::uint32_t surprised = 0;  // all bits or none
        if constexpr (Coder::kDecodes) {
            surprised = coder.take(lane, position - whole.begin, surprising, expected);
        } else {
            if (symbol + kZeroHasSign != 0) surprised = static_cast<std::uint32_t>(context.minus ^ -int{negative});
            coder.put(lane, surprised != 0 ? Interval{whole.begin, surprising}
                                           : Interval{whole.begin + surprising, expected});
        }
        sign.update(surprised, 0U - std::uint32_t{context.sign_class != 0});
        magnitudes.update(symbol);
        return {symbol, static_cast<int>(surprised) ^ context.minus};
    }

    /// Where large magnitudes are expected.
    template <typename Coder>
    [[gnu::always_inline]] SignedLevel code_split(Coder& coder, int lane, const LevelContext& context, int level) {
        const int low_bits = (context.magnitude_class - kFirstClassWithLowBits + 2) / 2;
        const int magnitude = level < 0 ? -level - 1 : level;
        const int high = magnitude >> low_bits;
        const Coded coded = code_symbol<1>(coder, lane, context, std::min(high, LevelStatistics::kEscape), level < 0);
        const int all_high = coded.symbol == LevelStatistics::kEscape
                                 ? apart(coder, [&](Coder& c) { return code_escape(c, lane, high); })
                                 : coded.symbol;
        const int low = code_raw(coder, lane, low_bits, magnitude & ((1 << low_bits) - 1));
        return checked((all_high << low_bits | low) ^ coded.minus);
    }

    static SignedLevel checked(int level) {
        if (level != static_cast<std::int16_t>(level)) fail("an entropy-coded level is {}, beyond 16 bits", level);
        return {level, std::abs(level)};
    }

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
