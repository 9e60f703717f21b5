#pragma once

#include "engine/kernels/int8/kernels.h"

#include <array>
#include <cstddef>
#include <cstdint>

namespace eigenbit::internal {

/// How many levels an index stands for, and its bits.
struct TupleForm {
    std::size_t levels;
    std::size_t bits;
};

/// Those that kernels read.
constexpr std::array<TupleForm, 3> kTupleForms{{{3, 5}, {2, 4}, {2, 5}}};

/// What a level is to tuples: 1 … 7 for −3 … 3, of which those with an index consist, 0 for all others.
constexpr std::size_t kLevelSymbols = 8;
constexpr unsigned level_symbol(int level) {
    const auto symbol = static_cast<unsigned>(level + 4);
    return symbol < kLevelSymbols ? symbol : 0;
}

/// Of symbols.
constexpr std::size_t kMostTuples = kLevelSymbols * kLevelSymbols * kLevelSymbols;
static_assert(kMostTupleLevels == 3);

/// Indices of the likeliest tuples of levels that do not depend on each other.
class TupleCodebook {
  public:
    static constexpr std::uint8_t kDiffers = 0x80;

    /// Levels are as likely as their symbols.
    TupleCodebook(const TupleForm& form, const std::array<double, kLevelSymbols>& likelihoods);

    const TupleForm& form() const { return form_; }
    /// The share of levels that are likely to differ from what the index of their tuple stands for.
    double differing() const { return differing_; }
    /// Of a tuple, the symbol of its first level in the highest three bits: of all tuples with an index, that which has
    /// the most levels in common with it. With kDiffers where it has not all.
    std::uint8_t index(std::size_t symbols) const { return indices_[symbols]; }
    /// That an index stands for.
    int level(std::size_t position, std::size_t index) const {
        const int level = levels_[position][index % kLookedUp];
        return index < kLookedUp ? level : -level;
    }
    /// Of the indices without their fifth bit, which turns signs.
    static constexpr std::size_t kLookedUp = 16;
    const std::array<std::int8_t, kLookedUp>& levels(std::size_t position) const { return levels_[position]; }

  private:
    TupleForm form_;
    std::array<std::array<std::int8_t, kLookedUp>, kMostTupleLevels> levels_{};
    std::array<std::uint8_t, kMostTuples> indices_{};
    double differing_ = 0.0;
};

}  // namespace eigenbit::internal
