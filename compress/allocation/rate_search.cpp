#include "compress/allocation/rate_search.h"

#include "compress/allocation/bit_budget.h"

#include <algorithm>
#include <cmath>

namespace eigenbit::internal {

std::optional<CompressedNetwork> finest_within(const Compressor& compressor, double target, const Cost& cost) {
    constexpr int kRounds = 10;
    constexpr double kCloseEnough = 0.99;
    const auto weights = static_cast<double>(compressor.weight_count());
    const double lowest_rate = std::max(kLowestRate, compressor.lowest_rate());
    BitBudget planned(target);
    std::optional<CompressedNetwork> best;
    double best_cost = 0.0;
    for (int round = 0; round < kRounds; ++round) {
        const double rate = std::clamp(planned.next() / weights, lowest_rate, kHighestRate);
        CompressedNetwork network = compressor.at_rate(rate);
        const double bits = cost(network);
        planned.observe(bits);
        const bool fits = bits <= target;
        if (fits && (!best || bits > best_cost)) {
            best = std::move(network);
            best_cost = bits;
        }
        const bool last_word = fits ? rate == kHighestRate : rate == lowest_rate;
        if (last_word || (fits && bits >= kCloseEnough * target)) break;
    }
    return best;
}

std::optional<CompressedNetwork> coarsest_acceptable(const Compressor& compressor, const Acceptable& acceptable) {
    constexpr int kSteps = 9;  // of bisection on the logarithm of the rate: leaves an interval of 1 % of it
    std::optional<CompressedNetwork> best;
    double low = std::log2(std::max(kLowestRate, compressor.lowest_rate()));
    double high = std::log2(kHighestRate);
    for (int step = 0; step < kSteps; ++step) {
        const double middle = 0.5 * (low + high);
        CompressedNetwork network = compressor.at_rate(std::exp2(middle));
        const bool good = acceptable(network);
        if (good) best = std::move(network);
        (good ? high : low) = middle;
    }
    if (best) return best;
    CompressedNetwork network = compressor.at_rate(kHighestRate);
    if (acceptable(network)) best = std::move(network);
    return best;
}

}  // namespace eigenbit::internal
