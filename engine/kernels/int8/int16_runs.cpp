#include "engine/kernels/int8/int16_runs.h"

#include <algorithm>
#include <limits>

namespace eigenbit::internal {
namespace {

/// For every pair of weights of a run's quads, the sums of those above and of those below 0.
class PairSums {
  public:
    explicit PairSums(std::int64_t pairs)
        : above_(static_cast<std::size_t>(pairs)), below_(static_cast<std::size_t>(pairs)) {}

    void clear() {
        std::ranges::fill(above_, std::int16_t{0});
        std::ranges::fill(below_, std::int16_t{0});
    }
    /// Adds a quad, and says whether the sums of products fit.
    bool add(const std::int8_t* quad) {
        int largest = 0;
        for (std::size_t i = 0; i < above_.size(); ++i) {
            const int first = quad[2 * i];
            const int second = quad[2 * i + 1];
            above_[i] = static_cast<std::int16_t>(above_[i] + std::max(first, 0) + std::max(second, 0));
            below_[i] = static_cast<std::int16_t>(below_[i] - std::min(first, 0) - std::min(second, 0));
            largest = std::max({largest, int{above_[i]}, int{below_[i]}});
        }
        return largest <= kLargestInt16WeightSum;
    }

  private:
    std::vector<std::int16_t> above_, below_;
};

}  // namespace

std::vector<std::uint8_t> int16_runs(std::span<const InputRun> inputs, const std::int8_t* weights, std::int64_t lanes,
                                     std::uint8_t longest) {
    std::vector<std::uint8_t> lengths;
    PairSums sums(2 * lanes);
    std::size_t length = 0;
    bool fits = true;  // in words, what the run has
    const auto end_run = [&] {
        if (length > 0 && !fits) lengths.push_back(0);
        if (length > 0) lengths.push_back(static_cast<std::uint8_t>(length));
        length = 0;
    };
    for (const InputRun& input : inputs) {
        for (std::int64_t quad = 0; quad < input.quads; ++quad, weights += 4 * lanes) {
            if (length == longest || !fits || !sums.add(weights)) {
                sums.clear();
                const bool fits_alone = sums.add(weights);
                if (length == longest || fits || fits_alone) end_run();
                fits = fits_alone;
            }
            ++length;
        }
        end_run();
        sums.clear();
        fits = true;
    }
    return lengths;
}

std::vector<std::uint8_t> int16_pair_runs(std::span<const InputRun> inputs, const std::int8_t* weights,
                                          std::int64_t lanes) {
    constexpr std::uint8_t kMostRuns = std::numeric_limits<std::uint8_t>::max();
    enum Kind { two, one, wide, kinds };
    const std::vector<std::uint8_t> lengths = int16_runs(inputs, weights, lanes, 2);
    auto length = lengths.begin();
    std::vector<std::uint8_t> counts;
    for (const InputRun& input : inputs) {
        const std::size_t first = counts.size();
        int counted = wide;
        const auto begin_next = [&] {
            counts.push_back(0);
            counted = (counted + 1) % kinds;
        };
        const auto count = [&](Kind kind) {
            while (counts.size() == first || counted != kind || counts.back() == kMostRuns) begin_next();
            ++counts.back();
        };
        for (std::int64_t quad = 0; quad < input.quads; quad += *length++) {
            if (*length > 0) {
                count(*length == 2 ? two : one);
            } else {
                ++length;
                for (int i = 0; i < *length; ++i) count(wide);
            }
        }
        while (counted != wide) begin_next();
    }
    return counts;
}

}  // namespace eigenbit::internal
