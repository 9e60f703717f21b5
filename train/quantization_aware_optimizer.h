#pragma once

#include "train/checkpoint.h"
#include "train/latent_weights.h"
#include "train/sgd.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace eigenbit::internal {

/// How the quantized parameters of a network are trained: how far a step of training pushes them at a gradient of the
/// mean magnitude, when the learning rate is highest. They follow its schedule.
struct QuantizedTraining {
    double level_learning_rate =
        0.001;  ///< of indices of 1 bit, in steps of their quantizers; a quarter for each bit more
    double step_learning_rate = 0.0;  ///< of these steps, in eighths of octaves; 0: they stay
    bool holds_bits = true;           ///< else indices may take all the bits that their depths hold
};

/// A network's parameters as training moves them: floats as they are, quantized ones through latent indices. The
/// entropy of all indices together is held at a share of what it was at the beginning, by a force on their magnitudes
/// that grows while they take more bits and shrinks while they take fewer.
class QuantizationAwareOptimizer {
  public:
    /// `peak`, above 0, is the highest learning rate of the floats.
    QuantizationAwareOptimizer(Graph& graph, const Sgd::Options& options, const QuantizedTraining& quantized,
                               double peak);

    /// The values whose gradients step() needs.
    const std::vector<ValueId>& gradients() const { return gradients_; }
    /// Moves all parameters, running statistics too, after a session's training forward and backward. `step` counts
    /// those of the epoch. `bits_share` is what the indices' bits are to be, in those at the beginning.
    void step(const GraphExecutor& session, std::int64_t step, double learning_rate, double bits_share = 1.0);

    /// All that moves, for a checkpoint: parameters, and what the optimizer keeps beside them.
    std::vector<TensorSlot> parameter_slots();
    std::vector<TensorSlot> optimizer_slots();
    /// Lets the graph follow slots that were overwritten.
    void restored();

    bool is_quantized() const { return !latents_.entries().empty(); }
    /// Bits of all indices now over those at the beginning; 1 for a network that is not quantized.
    double relative_bits() const;

  private:
    void control_rate(double bits_share);

    Graph& graph_;
    QuantizedTraining quantized_;
    LatentWeights latents_;
    std::vector<ValueId> gradients_;
    std::int64_t planned_bits_;
    Sgd sgd_;
    Tensor rate_force_;   ///< on a bit, one number
    Tensor bits_excess_;  ///< share of bits that were too many when the force was last changed, one number
};

}  // namespace eigenbit::internal
