#include "compress/rate_search.h"

#include "engine/error.h"

#include <cmath>
#include <optional>

namespace eigenbit {
namespace {

constexpr double kLowestRate = 0.25;  // bits a weight
constexpr double kHighestRate = 8.0;
constexpr int kSteps = 8;  // leaves an interval of 1.4 % of the rate

/// Bisection on the logarithm of the rate. `finest`: the highest acceptable rate, otherwise the lowest.
CompressedNetwork search(const Compressor& compressor, const Acceptable& acceptable, bool finest) {
    std::optional<CompressedNetwork> best;
    const double extreme = finest ? kLowestRate : kHighestRate;
    double low = std::log2(kLowestRate);
    double high = std::log2(kHighestRate);
    for (int step = 0; step < kSteps; ++step) {
        const double middle = 0.5 * (low + high);
        CompressedNetwork network = compressor.at_rate(std::exp2(middle));
        const bool good = acceptable(network);
        if (good) best = std::move(network);
        (good == finest ? low : high) = middle;
    }
    if (best) return *std::move(best);
    CompressedNetwork network = compressor.at_rate(extreme);
    if (!acceptable(network)) fail("The target cannot be met even at {} bits a weight.", extreme);
    return network;
}

}  // namespace

CompressedNetwork finest_acceptable(const Compressor& compressor, const Acceptable& acceptable) {
    return search(compressor, acceptable, true);
}

CompressedNetwork coarsest_acceptable(const Compressor& compressor, const Acceptable& acceptable) {
    return search(compressor, acceptable, false);
}

}  // namespace eigenbit
