#pragma once

#include "engine/program/steps.h"

#include <span>
#include <vector>

namespace eigenbit::internal {

/// Makes max poolings of what an int8 convolution computes for a single image a part of its step, where nothing else
/// reads that and it is large: instead of the whole, a strip of rows lies in memory, and is pooled while it is in the
/// cache. The convolution's buffer becomes the strip's.
void pool_in_strips(std::vector<Step>& steps, std::span<Buffer> buffers);

/// Runs such a step.
void run_strips(const Int8LayerStep& step, Int8Output output, std::span<const Buffer> buffers);

}  // namespace eigenbit::internal
