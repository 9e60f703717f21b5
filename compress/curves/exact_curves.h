#pragma once

#include "compress/quantization/block.h"
#include "compress/statistics/distortion_meter.h"

#include <span>

namespace eigenbit::internal {

/// One candidate of one block.
struct BlockCandidate {
    std::size_t block = 0;
    std::size_t candidate = 0;
};

/// Measures some candidates on the network's output, each with only its block quantized.
void measure_candidates(TransformCurves& layer, std::span<const BlockCandidate> trials, DistortionMeter& meter);

/// Algorithm 2 (method section 5): measures the candidates of every block where it matters, and drops the others from
/// the curves. With levels of fixed depth, that is the best step of every depth, found by descending on the grid of
/// steps from an octave over the best step of the next greater depth. With unclipped levels, steps of every octave
/// are refined around the lower convex hull of bits and distortion.
void measure_distortions(TransformCurves& layer, DistortionMeter& meter);

}  // namespace eigenbit::internal
