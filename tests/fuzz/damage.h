#pragma once

#include "engine/base/random.h"

#include <cstdint>
#include <vector>

namespace eigenbit::internal {

/// Changes, removes, inserts or repeats a few bytes.
void damage(std::vector<std::uint8_t>& bytes, Random& random);

/// How many damaged files to try: $EIGENBIT_FUZZ_INPUTS, or a number that takes seconds with sanitizers.
int damaged_inputs();

}  // namespace eigenbit::internal
