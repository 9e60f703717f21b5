#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace eigenbit::internal {

/// Counts values in bins of one width, a power of two that doubles whenever a value lies beyond the outermost bin: any
/// number of values of any size in bounded memory. The same values give the same bins in whatever order they come.
class Histogram {
  public:
    static constexpr std::int64_t kBins = 2048;  ///< half of them for negative values

    /// Values must be finite.
    void add(std::span<const float> values);

    double bin_width() const;
    /// Where the bin begins.
    double edge(std::int64_t bin) const { return static_cast<double>(bin - kBins / 2) * bin_width(); }
    const std::vector<std::int64_t>& counts() const { return counts_; }

  private:
    void widen(int exponent);

    int exponent_ = -100;  // the width is two to the power of it
    std::vector<std::int64_t> counts_ = std::vector<std::int64_t>(kBins);
};

/// Where 2^bit_depth levels between `low` and `high` should end.
struct ClippingRange {
    double low = 0.0;
    double high = 0.0;
};

/// The range low·s … high·s with the smallest mean squared error of the values: Δ²/12 for those inside, for those
/// outside their distance from it.
ClippingRange clipping_range(const Histogram& histogram, double low, double high, int bit_depth);

}  // namespace eigenbit::internal
