#pragma once

#include "engine/base/tensor.h"
#include "engine/graph/graph.h"

#include <string_view>

namespace eigenbit::internal {

/// Throws Error, beginning with `where` and naming the layer where it appears first, when what a network output for
/// this input holds NaN or +∞. −∞, the logarithm of a probability 0, is a score like any other.
void check_numbers(const Graph& graph, ConstView input, ConstView output, std::string_view where = "");

}  // namespace eigenbit::internal
