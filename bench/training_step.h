#pragma once

#include "engine/base/tensor.h"
#include "train/quantization_aware_optimizer.h"

#include <optional>
#include <vector>

namespace eigenbit::internal {

/// A network in training on random images: each step is forward, cross-entropy, backward and SGD with momentum.
class TrainingStep {
  public:
    /// The graph must stay.
    TrainingStep(Graph& graph, std::int64_t batch, std::int64_t classes);

    void run();
    const GraphExecutor& session() const { return *session_; }

  private:
    Tensor images_;
    std::vector<int> labels_;
    QuantizationAwareOptimizer network_;
    std::optional<GraphExecutor> session_;
    Tensor gradient_;
    std::int64_t step_ = 0;
};

}  // namespace eigenbit::internal
