#pragma once

#include "engine/executor/graph_executor.h"

namespace eigenbit::internal {

/// Moves every normalization's running mean and variance a tenth of the way to those of the batch that the session just
/// ran in training, the variance made unbiased: PyTorch's rule with momentum 0.1.
void update_running_statistics(Graph& graph, const GraphExecutor& session);

}  // namespace eigenbit::internal
