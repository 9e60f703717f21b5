#pragma once

#include "compress/quantization/block.h"
#include "engine/formats/ebit/levels.h"

namespace eigenbit::internal {

/// How levels are stored, which decides what a quantizer costs.
enum class Coding {
    fixed,   ///< R bits for each level, clipped to its range: the paper
    entropy  ///< unclipped; what an adaptive entropy coder spends
};

constexpr LevelStorage storage_of(Coding coding) {
    return coding == Coding::fixed ? LevelStorage::fixed : LevelStorage::entropy;
}

struct CandidateOptions {
    Coding coding = Coding::entropy;
    int max_bit_depth = 8;   ///< M of algorithm 2, for fixed coding
    bool dead_zones = true;  ///< also try widened intervals around zero
    bool offsets = true;     ///< for fixed coding, also try levels symmetric around zero or around the block's mean
};

/// Bits that a block with levels costs beside them: its depth, its step, and the forms of step and offset.
inline constexpr double kSideInformationBits = 16.0;

/// Bits that an offset costs: 0 and ½ are part of the quantizer's form.
constexpr double offset_bits(float offset) { return offset == 0.0F || offset == 0.5F ? 0.0 : 32.0; }

/// All quantizers worth measuring for values of this size, "all zero" first; distortions are not filled in.
Curve candidates(std::span<const float> values, const CandidateOptions& options);

}  // namespace eigenbit::internal
