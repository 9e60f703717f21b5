#pragma once

#include "engine/kernels/f32/kernels.h"

namespace eigenbit::internal {

#include "engine/kernels/f32/exponential_tiles.h"

}  // namespace eigenbit::internal
