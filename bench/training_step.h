#pragma once

#include "engine/tensor.h"
#include "train/trained_network.h"

#include <optional>
#include <vector>

namespace eigenbit {

/// A network in training on random images: each step is forward, cross-entropy, backward and SGD with momentum.
class TrainingStep {
  public:
    /// The graph must stay.
    TrainingStep(Graph& graph, std::int64_t batch, std::int64_t classes);

    void run();
    const Session& session() const { return *session_; }

  private:
    Tensor images_;
    std::vector<int> labels_;
    TrainedNetwork network_;
    std::optional<Session> session_;
    Tensor gradient_;
    std::int64_t step_ = 0;
};

}  // namespace eigenbit
