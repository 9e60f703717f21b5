#pragma once

#include "engine/graph/graph.h"

#include <map>

namespace eigenbit::internal {

using Quantizers = std::map<ValueId, ActivationQuantizer>;

/// The quantizers of up to 8 bits that int8 execution uses: those of the graph, and those of values that are only moved
/// before they are quantized, which may as well be quantized before: the largest quantized value is the largest value
/// quantized.
Quantizers int8_quantizers(const Graph& graph);

}  // namespace eigenbit::internal
