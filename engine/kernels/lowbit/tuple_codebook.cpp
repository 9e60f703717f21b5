#include "engine/kernels/lowbit/tuple_codebook.h"

#include <algorithm>
#include <limits>
#include <vector>

namespace eigenbit::internal {
namespace {

constexpr std::size_t kSymbolBits = 3;

/// Of a tuple of symbols; its last is at position 0.
constexpr std::size_t symbol(std::size_t tuple, std::size_t position) {
    return tuple >> (kSymbolBits * position) & (kLevelSymbols - 1);
}

/// At how many positions the symbols of two tuples differ, by the bits that do.
constexpr auto kDifferences = [] {
    std::array<std::size_t, kMostTuples> counts{};
    for (std::size_t bits = 0; bits < kMostTuples; ++bits) {
        for (std::size_t p = 0; p < kMostTupleLevels; ++p) counts[bits] += symbol(bits, p) == 0 ? 0 : 1;
    }
    return counts;
}();

bool can_have_index(std::size_t tuple, std::size_t levels) {
    for (std::size_t p = 0; p < levels; ++p) {
        if (symbol(tuple, p) == 0) return false;
    }
    return true;
}

/// The tuple of the opposite levels.
std::size_t opposite(std::size_t tuple, std::size_t levels) {
    std::size_t result = 0;
    for (std::size_t p = 0; p < levels; ++p) result |= (kLevelSymbols - symbol(tuple, p)) << (kSymbolBits * p);
    return result;
}

}  // namespace

TupleCodebook::TupleCodebook(const TupleForm& form, const std::array<double, kLevelSymbols>& likelihoods)
    : form_(form) {
    const std::size_t tuples = std::size_t{1} << (kSymbolBits * form.levels);
    const bool turns = std::size_t{1} << form.bits > kLookedUp;
    std::array<double, kMostTuples> likelihood{};
    for (std::size_t tuple = 0; tuple < tuples; ++tuple) {
        likelihood[tuple] = 1.0;
        for (std::size_t p = 0; p < form.levels; ++p) likelihood[tuple] *= likelihoods[symbol(tuple, p)];
    }

    std::vector<std::size_t> looked_up;  // of two of opposite signs, one
    for (std::size_t tuple = 0; tuple < tuples; ++tuple) {
        if (!can_have_index(tuple, form.levels)) continue;
        if (!turns || tuple <= opposite(tuple, form.levels)) looked_up.push_back(tuple);
    }
    const auto last = looked_up.begin() + kLookedUp;
    std::partial_sort(looked_up.begin(), last, looked_up.end(), [&](std::size_t a, std::size_t b) {
        const auto of_both = [&](std::size_t tuple) {
            const std::size_t other = opposite(tuple, form.levels);
            return likelihood[tuple] + (turns && other != tuple ? likelihood[other] : 0.0);
        };
        return of_both(a) != of_both(b) ? of_both(a) > of_both(b) : a < b;
    });
    looked_up.erase(last, looked_up.end());

    std::vector<std::size_t> indexed = looked_up;
    if (turns) {
        for (const std::size_t tuple : looked_up) indexed.push_back(opposite(tuple, form.levels));
    }
    for (std::size_t i = 0; i < kLookedUp; ++i) {
        for (std::size_t p = 0; p < form.levels; ++p) {
            levels_[p][i] = static_cast<std::int8_t>(static_cast<int>(symbol(looked_up[i], form.levels - 1 - p)) - 4);
        }
    }
    double differing = 0.0;
    for (std::size_t tuple = 0; tuple < tuples; ++tuple) {
        std::size_t least = std::numeric_limits<std::size_t>::max();
        for (std::size_t i = 0; i < indexed.size() && least > 0; ++i) {
            const std::size_t differences = kDifferences[tuple ^ indexed[i]];
            if (differences >= least) continue;
            least = differences;
            indices_[tuple] = static_cast<std::uint8_t>(i);
        }
        if (least > 0) indices_[tuple] |= kDiffers;
        differing += likelihood[tuple] * static_cast<double>(least);
    }
    differing_ = differing / static_cast<double>(form.levels);
}

}  // namespace eigenbit::internal
