#pragma once

#include "engine/kernels/lowbit/codebook_panels.h"

#include <cstdint>
#include <span>
#include <vector>

namespace eigenbit::internal {

/// Divides a panel's quads, given its weights (quads of all input runs, lanes, 4), into runs whose sums of pairs of
/// products fit 16 bits with sign, whatever the inputs. Their lengths, one after the other, at most `longest`, none
/// beyond the end of an input run; 0 and a number stand for so many quads whose own sums may not fit.
std::vector<std::uint8_t> int16_runs(std::span<const InputRun> inputs, const std::int8_t* weights, std::int64_t lanes,
                                     std::uint8_t longest = 255);

/// Divides quads into such runs of two and of one, and quads whose own sums may not fit. For every input run, in turn:
/// how many of two follow, how many of one, how many that may not fit, how many of two, …
std::vector<std::uint8_t> int16_pair_runs(std::span<const InputRun> inputs, const std::int8_t* weights,
                                          std::int64_t lanes);

}  // namespace eigenbit::internal
