#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace eigenbit::internal {

/// Sums of more products than this are taken of runs of kSumRun in floats, of the runs in double: they are off by less
/// than kSumRun · 2⁻²⁴ · Σ|product|, however long they are.
inline constexpr std::int64_t kLongSum = 8192;
inline constexpr std::int64_t kSumRun = 64;

/// Sums of runs as they come.
class LongSums {
  public:
    explicit LongSums(std::int64_t count)
        : run_(static_cast<std::size_t>(count)), sums_(static_cast<std::size_t>(count)) {}

    /// Where the sums of the next run go. They are 0 at first, and then those of the run before.
    float* run() { return run_.data(); }
    void add_run() {
        for (std::size_t i = 0; i < run_.size(); ++i) sums_[i] += static_cast<double>(run_[i]);
    }
    double operator[](std::int64_t i) const { return sums_[static_cast<std::size_t>(i)]; }

  private:
    std::vector<float> run_;
    std::vector<double> sums_;
};

}  // namespace eigenbit::internal
