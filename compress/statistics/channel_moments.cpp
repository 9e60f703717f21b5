#include "compress/statistics/channel_moments.h"

#include <tbb/parallel_for.h>

#include <algorithm>
#include <cmath>

namespace eigenbit::internal {

void ChannelSums::add(ConstView values) {
    const auto channels = static_cast<std::int64_t>(values_.size());
    const std::int64_t rows = values.elements() / channels;
    const std::int64_t chunks = std::min<std::int64_t>(rows, 64);  // fixed, so that threads do not matter
    std::vector<ChannelSums> partial(static_cast<std::size_t>(chunks), ChannelSums(channels));
    tbb::parallel_for(std::int64_t{0}, chunks, [&](std::int64_t chunk) {
        ChannelSums& sums = partial[static_cast<std::size_t>(chunk)];
        const std::int64_t begin = chunk * rows / chunks;
        const std::int64_t end = (chunk + 1) * rows / chunks;
        for (std::int64_t row = begin; row < end; ++row) {
            const float* x = values.data + row * channels;
            for (std::size_t c = 0; c < values_.size(); ++c) {
                sums.values_[c] += x[c];
                sums.squares_[c] += static_cast<double>(x[c]) * x[c];
            }
        }
        sums.rows_ = static_cast<double>(end - begin);
    });
    for (const ChannelSums& sums : partial) add(sums);
}

void ChannelSums::add(const ChannelSums& other) {
    for (std::size_t c = 0; c < values_.size(); ++c) {
        values_[c] += other.values_[c];
        squares_[c] += other.squares_[c];
    }
    rows_ += other.rows_;
}

ChannelMoments ChannelSums::moments() const {
    ChannelMoments moments;
    for (std::size_t c = 0; c < values_.size(); ++c) {
        const double mean = values_[c] / rows_;
        moments.mean.push_back(mean);
        moments.variance.push_back(std::max(squares_[c] / rows_ - mean * mean, 0.0));
    }
    return moments;
}

double restoring_gain(double variance_before, double variance_now) {
    constexpr double kFloor = 1e-8;
    return std::sqrt((variance_before + kFloor) / (variance_now + kFloor));
}

}  // namespace eigenbit::internal
