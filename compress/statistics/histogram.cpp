#include "compress/statistics/histogram.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace eigenbit::internal {

double Histogram::bin_width() const { return std::ldexp(1.0, exponent_); }

void Histogram::add(std::span<const float> values) {
    float largest = 0.0F;
    for (const float value : values) largest = std::max(largest, std::abs(value));
    // largest < 2^e, so that its bin is within half of all.
    int e = 0;
    std::frexp(largest, &e);
    const int needed = e - std::ilogb(kBins / 2);
    if (largest > 0.0F && needed > exponent_) widen(needed);
    const double bins_per_unit = std::ldexp(1.0, -exponent_);
    for (const float value : values) {
        const auto bin = static_cast<std::int64_t>(std::floor(value * bins_per_unit)) + kBins / 2;
        ++counts_[static_cast<std::size_t>(bin)];
    }
}

void Histogram::widen(int exponent) {
    const int shift = std::min(exponent - exponent_, 62);
    std::vector<std::int64_t> wide(kBins);
    for (std::int64_t bin = 0; bin < kBins; ++bin) {
        const std::int64_t target = ((bin - kBins / 2) >> shift) + kBins / 2;
        wide[static_cast<std::size_t>(target)] += counts_[static_cast<std::size_t>(bin)];
    }
    counts_ = std::move(wide);
    exponent_ = exponent;
}

ClippingRange clipping_range(const Histogram& histogram, double low, double high, int bit_depth) {
    constexpr int kPartsOfOctave = 16;
    constexpr int kOctaves = 5;
    const double levels = std::ldexp(1.0, bit_depth) - 1.0;
    ClippingRange best{low, high};
    double least = std::numeric_limits<double>::infinity();
    for (int i = 0; i <= kPartsOfOctave * kOctaves; ++i) {
        const double scale = std::exp2(-static_cast<double>(i) / kPartsOfOctave);
        const ClippingRange range{low * scale, high * scale};
        const double step = (range.high - range.low) / levels;
        double error = 0.0;
        for (std::int64_t bin = 0; bin < Histogram::kBins; ++bin) {
            const auto count = static_cast<double>(histogram.counts()[static_cast<std::size_t>(bin)]);
            if (count == 0.0) continue;
            const double value = histogram.edge(bin) + 0.5 * histogram.bin_width();
            const double outside = std::max({value - range.high, range.low - value, 0.0});
            error += count * (outside > 0.0 ? outside * outside : step * step / 12.0);
        }
        if (error < least) {
            least = error;
            best = range;
        }
    }
    return best;
}

}  // namespace eigenbit::internal
