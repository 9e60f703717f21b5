#pragma once

#include "engine/coding/index_statistics.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <vector>

namespace eigenbit {

/// What is known about an index before it is coded.
struct IndexContext {
    static constexpr int kPredictionClasses = 5;

    int level = 0;             ///< of the magnitude to be expected
    int prediction = 0;        ///< sum of the taps before and above: its sign is the likelier one
    int prediction_class = 0;  ///< how large the prediction is compared with what is to be expected
};

/// Follows a block's indices in stored order and tells what they let expect of the next one. Magnitudes are integers in
/// units of 2⁻¹⁰. The weights of the means were fitted on the networks of initial_level_statistics().
class IndexNeighbourhood {
  public:
    /// `start` is the level of the block's mean magnitude.
    IndexNeighbourhood(int start, std::int64_t kernels, std::int64_t kernel_width)
        : kernel_width_(kernel_width),
          recent_mean_(std::int64_t{magnitude(start)} << kRecentShift),
          kernel_means_(static_cast<std::size_t>(kernels), magnitude(start) << kKernelShift) {}

    /// For the index at `tap` (in row-major order) and `column` of kernel number `kernel`, whose taps lie at `taps`.
    template <typename Index>
    IndexContext context(const Index* taps, std::size_t kernel, std::int64_t tap, std::int64_t column) const {
        const int recent_mean = static_cast<int>(recent_mean_ >> kRecentShift);
        const int kernel_mean = kernel_means_[kernel] >> kKernelShift;
        const bool has_left = column > 0;
        const bool has_above = tap >= kernel_width_;
        if (!has_left && !has_above) return {level((recent_mean + kernel_mean) / 2), 0, 0};

        const int left = has_left ? taps[tap - 1] : 0;
        const int above = has_above ? taps[tap - kernel_width_] : 0;
        const int neighbours = has_left && has_above ? 2 : 1;
        const int neighbour_mean = ((std::abs(left) + std::abs(above)) << kFraction) / neighbours;
        const int expected = (6 * recent_mean + 7 * kernel_mean + 5 * neighbour_mean) / 16;
        return {level(expected), left + above, prediction_class(left + above, neighbours, expected)};
    }

    /// Takes note of an index of a kernel.
    void add(int index, std::size_t kernel) {
        const int seen = std::abs(index) << kFraction;
        recent_mean_ += ((std::int64_t{seen} << kRecentShift) - recent_mean_) >> kRecentShift;
        int& kernel_mean = kernel_means_[kernel];
        kernel_mean += ((seen << kKernelShift) - kernel_mean) >> kKernelShift;
    }

    /// ⌊2·log₂ m⌋.
    static int level(int magnitude) {
        const auto m = static_cast<std::uint64_t>(std::max(magnitude, 1));
        const int octave = static_cast<int>(std::bit_width(m)) - 1;
        const int upper_half = static_cast<int>(m * m >> (2 * octave + 1));
        return std::min(2 * octave + upper_half, kMagnitudeLevels - 1);
    }

    static constexpr int kFraction = 10;

  private:
    static constexpr int kRecentShift = 6;  // a mean over about 64 indices
    static constexpr int kKernelShift = 4;  // and over 16 of the same kernel, in this and in earlier channels

    /// The middle of a level: 2^((level + ½) / 2).
    static int magnitude(int level) {
        constexpr std::int64_t kFourthRootOf2 = 77936, kFourthRootOf8 = 110218;  // in 2⁻¹⁶
        return static_cast<int>(((level % 2 == 0 ? kFourthRootOf2 : kFourthRootOf8) << (level / 2)) >> 16);
    }

    /// |prediction| (two taps count as 1.5) against 1, 1.5 and 4 times the expected magnitude.
    static int prediction_class(int prediction, int neighbours, int expected) {
        if (prediction == 0) return 0;
        const std::int64_t size = (std::int64_t{std::abs(prediction)} << kFraction) * (neighbours == 2 ? 3 : 4);
        const std::int64_t unit = 4 * std::int64_t{expected};
        return size < unit ? 1 : 2 * size < 3 * unit ? 2 : size < 4 * unit ? 3 : 4;
    }

    std::int64_t kernel_width_;
    std::int64_t recent_mean_;
    std::vector<int> kernel_means_;
};

}  // namespace eigenbit
