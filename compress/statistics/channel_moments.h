#pragma once

#include "engine/base/tensor.h"

#include <vector>

namespace eigenbit::internal {

/// Moments of every channel (the last axis) over all other axes.
struct ChannelMoments {
    std::vector<double> mean;
    std::vector<double> variance;
};

/// Accumulates channel moments of values that come in parts.
class ChannelSums {
  public:
    explicit ChannelSums(std::int64_t channels)
        : values_(static_cast<std::size_t>(channels)), squares_(static_cast<std::size_t>(channels)) {}

    /// Values (…, channels). The same for any number of threads.
    void add(ConstView values);
    void add(const ChannelSums& other);

    ChannelMoments moments() const;

  private:
    std::vector<double> values_;
    std::vector<double> squares_;
    double rows_ = 0.0;
};

/// The gain that gives a channel the variance back that it had before; finite also for channels that are constant.
double restoring_gain(double variance_before, double variance_now);

}  // namespace eigenbit::internal
