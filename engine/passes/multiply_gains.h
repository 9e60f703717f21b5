#pragma once

#include "engine/graph/graph.h"

namespace eigenbit::internal {

/// Multiplies the gains of layers into their weights, which become float: for formats that know no gains.
void multiply_gains(Graph& graph);

}  // namespace eigenbit::internal
