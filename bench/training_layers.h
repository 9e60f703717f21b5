#pragma once

#include "engine/graph/graph.h"

namespace eigenbit::internal {

/// Prints a table of the network's convolutions: milliseconds of forward, input gradient and weight gradient in a
/// training step, their shares of the machine's measured FMA limit (Winograd's may be above 1, for it counts the
/// multiplications of the plain sum), and what is left of the step for everything else. Times are processor times of
/// the best of some runs on one thread.
void print_layer_times(Graph graph, std::int64_t batch, std::int64_t classes);

}  // namespace eigenbit::internal
