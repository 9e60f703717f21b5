#pragma once

#include "train/checkpoint.h"
#include "train/latent_indices.h"
#include "train/sgd.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace eigenbit {

/// A network's parameters as training moves them: floats as they are, quantized ones through latent indices. The
/// entropy of all indices together is held at what it was at the beginning, by a force on their magnitudes that grows
/// while they take more bits and shrinks while they take fewer.
class TrainedNetwork {
  public:
    /// `index_rate` is the learning rate of latent indices in those of the schedule.
    TrainedNetwork(Graph& graph, const Sgd::Options& options, double index_rate);

    /// The values whose gradients step() needs.
    const std::vector<ValueId>& gradients() const { return gradients_; }
    /// Moves all parameters, running statistics too, after a session's training forward and backward. `step` counts
    /// those of the epoch.
    void step(const Session& session, std::int64_t step, double learning_rate);

    /// All that moves, for a checkpoint: parameters, and what the optimizer keeps beside them.
    std::vector<TensorSlot> parameter_slots();
    std::vector<TensorSlot> optimizer_slots();
    /// Lets the graph follow slots that were overwritten.
    void restored();

    /// Bits of all indices now over those at the beginning; 1 for a network that is not quantized.
    double relative_bits() const;

  private:
    void control_rate();

    Graph& graph_;
    LatentIndices latents_;
    std::vector<ValueId> gradients_;
    Sgd sgd_;
    std::int64_t planned_bits_;
    Tensor rate_force_;  ///< loss a bit, and by how much there were too many bits when it was last changed
};

}  // namespace eigenbit
