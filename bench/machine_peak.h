#pragma once

namespace eigenbit::internal {

/// Processor time of this thread, which does not run while others have the core.
double thread_seconds();

/// The machine's FMA limit of one core, GFLOP/s: the best of a few short loops. 0 where there are no FMAs.
double fma_peak();

/// The machine's limit of one core for dot products of bytes, GOP/s (a multiplication and an addition are two), with
/// the fastest instruction it has: VNNI's, else the one for pairs of 16-bit integers. 0 where there is neither.
double byte_dot_peak();

}  // namespace eigenbit::internal
