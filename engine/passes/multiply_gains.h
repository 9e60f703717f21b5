#pragma once

#include "engine/graph.h"

namespace eigenbit {

/// Multiplies the gains of layers into their weights, which become float: for formats that know no gains.
void multiply_gains(Graph& graph);

}  // namespace eigenbit
