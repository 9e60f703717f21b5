#pragma once

#include "engine/coding/level_statistics.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <vector>

namespace eigenbit::internal {

/// A level and its magnitude. Decoders know the magnitude some steps earlier, and it is all that the next level's class
/// depends on.
struct SignedLevel {
    int level = 0;
    int magnitude = 0;
};

/// What is known about a level before it is coded.
struct LevelContext {
    int magnitude_class = 0;  ///< of the magnitude to be expected
    int sign_class = 0;       ///< how large the sum of the taps before and above is compared with it
    int minus = 0;            ///< -1 where that sum is negative: the likelier sign; else 0
};

/// ⌊2·log₂ m⌋ of a magnitude in units of 2⁻¹⁰, at most kMagnitudeClasses - 1.
constexpr int magnitude_class(std::uint64_t magnitude) {
    const std::uint64_t m = std::clamp(magnitude, std::uint64_t{1}, std::uint64_t{1} << 31);
    const int octave = static_cast<int>(std::bit_width(m)) - 1;
    const int upper_half = static_cast<int>(m * m >> (2 * octave + 1));
    return std::min(2 * octave + upper_half, kMagnitudeClasses - 1);
}

/// The middle of a class, 2^((class + ½) / 2), in units of 2⁻¹⁰.
constexpr std::int64_t magnitude_of_class(int magnitude_class) {
    constexpr std::int64_t kFourthRootOf2 = 77936, kFourthRootOf8 = 110218;  // in 2⁻¹⁶
    return ((magnitude_class % 2 == 0 ? kFourthRootOf2 : kFourthRootOf8) << (magnitude_class / 2)) >> 16;
}

/// Follows a block's levels in stored order and tells what they let expect of the next ones. Means are in units of
/// 2⁻¹⁶.
class LevelNeighbourhood {
  public:
    /// `start` is the class of the block's mean magnitude.
    LevelNeighbourhood(int start, std::int64_t kernels)
        : recent_mean_(magnitude_of_class(start) << (kMeanBits - 10)),
          kernel_means_(static_cast<std::size_t>(kernels), recent_mean_) {}

    /// The running mean of the levels at one kernel's position, in this and in earlier channels.
    std::int64_t& kernel_mean(std::size_t kernel) { return kernel_means_[kernel]; }

    /// For a level of a kernel, from those of the taps before it in its row, and above it, where there are such.
    template <bool kHasLeft, bool kHasAbove>
    [[gnu::always_inline]] LevelContext context(std::int64_t kernel_mean, SignedLevel left, int above) const {
        const std::int64_t means = recent_mean_ + kernel_mean;
        if constexpr (!kHasLeft && !kHasAbove) {
            return {class_of(static_cast<std::uint64_t>(means) >> 1), 0, 0};
        } else {
            constexpr bool kHasBoth = kHasLeft && kHasAbove;
            const int sum = kHasBoth ? left.level + above : kHasLeft ? left.level : above;
            const std::int64_t magnitudes = kHasBoth   ? left.magnitude + std::abs(above)
                                            : kHasLeft ? 2 * left.magnitude
                                                       : 2 * std::abs(above);
            const int expected = class_of(static_cast<std::uint64_t>(3 * means + (magnitudes << kMeanBits)) >> 3);
            const auto size = static_cast<std::size_t>(std::min(std::abs(sum), kLargestSum));
            return {expected, kSignClassesOfSums[static_cast<std::size_t>(expected)][size], -int{sum < 0}};
        }
    }

    /// Takes note of levels that were coded one after the other, of these magnitudes in all.
    void add(std::int64_t magnitudes, int count) {
        recent_mean_ += (magnitudes << (kMeanBits - kRecentShift)) - (recent_mean_ >> kRecentShift) * count;
    }
    static std::int64_t moved(std::int64_t kernel_mean, std::int64_t magnitude) {
        return kernel_mean + (magnitude << (kMeanBits - kKernelShift)) - (kernel_mean >> kKernelShift);
    }

  private:
    static constexpr int kMeanBits = 16;
    static constexpr int kRecentShift = 3;  // a mean over about 8 levels
    static constexpr int kKernelShift = 4;  // and over 16 of the same kernel, in this and in earlier channels
    static constexpr int kLargestSum = 15;
    static constexpr int kTableBits = 10;  // magnitudes below 8 have their class in a table, in steps of 2⁻⁶

    static constexpr std::array<std::uint8_t, 512> kClasses = [] {
        std::array<std::uint8_t, 512> classes{};
        for (std::uint64_t i = 0; i < classes.size(); ++i) {
            classes[i] = static_cast<std::uint8_t>(magnitude_class(i << 4 | 8));
        }
        return classes;
    }();

    /// The class of a mean.
    static int class_of(std::uint64_t mean) {
        const std::uint64_t row = mean >> kTableBits;
        return row < kClasses.size() ? kClasses[row] : magnitude_class(mean >> (kMeanBits - 10));
    }

    /// |sum|·⅘ against 1, 1.5 and 4 times the expected magnitude.
    static constexpr std::array<std::array<std::uint8_t, kLargestSum + 1>, kMagnitudeClasses> kSignClassesOfSums = [] {
        std::array<std::array<std::uint8_t, kLargestSum + 1>, kMagnitudeClasses> classes{};
        for (int c = 0; c < kMagnitudeClasses; ++c) {
            const std::int64_t unit = 5 * magnitude_of_class(c);
            for (std::int64_t sum = 1; sum <= kLargestSum; ++sum) {
                const std::int64_t size = 4 * sum << 10;
                classes[static_cast<std::size_t>(c)][static_cast<std::size_t>(sum)] =
                    static_cast<std::uint8_t>(size < unit           ? 1
                                              : 2 * size < 3 * unit ? 2
                                              : size < 4 * unit     ? 3
                                                                    : 4);
            }
        }
        return classes;
    }();

    std::int64_t recent_mean_;
    std::vector<std::int64_t> kernel_means_;
};

}  // namespace eigenbit::internal
