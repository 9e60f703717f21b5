#include "compress/rate_search.h"

#include <cmath>

namespace eigenbit {
namespace {

constexpr int kSteps = 9;  // leaves an interval of 1 % of the rate

/// Bisection on the logarithm of the rate. `finest`: the highest acceptable rate, otherwise the lowest.
std::optional<CompressedNetwork> search(const Compressor& compressor, const Acceptable& acceptable, bool finest) {
    std::optional<CompressedNetwork> best;
    double low = std::log2(kLowestRate);
    double high = std::log2(kHighestRate);
    for (int step = 0; step < kSteps; ++step) {
        const double middle = 0.5 * (low + high);
        CompressedNetwork network = compressor.at_rate(std::exp2(middle));
        const bool good = acceptable(network);
        if (good) best = std::move(network);
        (good == finest ? low : high) = middle;
    }
    if (best) return best;
    CompressedNetwork network = compressor.at_rate(finest ? kLowestRate : kHighestRate);
    if (acceptable(network)) best = std::move(network);
    return best;
}

}  // namespace

std::optional<CompressedNetwork> finest_acceptable(const Compressor& compressor, const Acceptable& acceptable) {
    return search(compressor, acceptable, true);
}

std::optional<CompressedNetwork> coarsest_acceptable(const Compressor& compressor, const Acceptable& acceptable) {
    return search(compressor, acceptable, false);
}

}  // namespace eigenbit
