#pragma once

#include "train/checkpoint.h"
#include "train/latent_weights.h"
#include "train/sgd.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace eigenbit::internal {

/// How the quantized parameters of a network are trained. Learning rates are how far a step of training moves a latent
/// whose gradient has the mean magnitude, at the peak of the schedule.
struct QuantizedTraining {
    /// Of levels of 1 bit, in steps of their quantizers; a quarter for each bit more.
    double level_learning_rate = 0.001;
    double step_learning_rate = 0.0;  ///< of these steps, in eighths of octaves; 0: they stay
    bool rate_control = true;         ///< else levels may take all bits of their depths
};

/// Trains the parameters of a network: floats directly, quantized ones through latent levels. Rate control holds the
/// entropy of all levels together at a share of its initial value, by a penalty on their magnitudes whose weight (λ)
/// grows while they take more bits and shrinks while they take fewer.
class QuantizationAwareOptimizer {
  public:
    /// `peak`, above 0, is the highest learning rate of the floats. `frozen` are floats that stay as they are.
    QuantizationAwareOptimizer(Graph& graph, const Sgd::Options& options, const QuantizedTraining& quantized,
                               double peak, std::span<const ValueId> frozen = {});

    /// The parameters whose gradients step() needs.
    const std::vector<ValueId>& gradients() const { return gradients_; }
    /// Moves all parameters, running statistics too, after a session's training forward and backward. `step` counts
    /// those of the epoch. `bits_share` is the target of the levels' bits, relative to the initial ones.
    void step(const GraphExecutor& session, std::int64_t step, double learning_rate, double bits_share = 1.0);

    /// The state for a checkpoint: parameters, and that of the optimizer.
    std::vector<TensorSlot> parameter_slots();
    std::vector<TensorSlot> optimizer_slots();
    /// Requantizes the graph after slots were overwritten.
    void restored();

    bool is_quantized() const { return !latents_.entries().empty(); }
    /// Bits of all levels now over those at the beginning; 1 for a network that is not quantized.
    double relative_bits() const;

  private:
    void control_rate(double bits_share);

    Graph& graph_;
    QuantizedTraining quantized_;
    LatentWeights latents_;
    std::vector<ValueId> gradients_;
    std::int64_t planned_bits_;
    Sgd sgd_;
    Tensor rate_lambda_;  ///< weight of the rate penalty, one number
    Tensor bits_excess_;  ///< relative bits over the target when λ was last changed, one number
};

}  // namespace eigenbit::internal
