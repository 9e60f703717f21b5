#pragma once

#include "engine/executor/graph_executor.h"
#include "engine/graph/graph.h"

#include <cstdint>
#include <string>
#include <vector>

namespace eigenbit::internal {

/// Latent values of quantized parameters, for quantization-aware training: for every level a real number that rounds to
/// it and, where steps are learned (Esser et al. 2020, Learned step size quantization), for every block one that rounds
/// to its step's position on the grid of steps that files store. Gradients pass the rounding unchanged
/// (straight-through estimator, Young et al. section 5.3). Latents are in units of the steps: compression chose steps
/// such that all blocks disturb the output alike, so that one learning rate suits all.
class LatentWeights {
  public:
    struct Entry {
        ValueId parameter;
        std::size_t factor;    ///< of the parameter's quantized_factors
        Tensor latents;        ///< like the factor
        Tensor gradient;       ///< with respect to them
        Tensor steps;          ///< one for each block: positions as of grid_step()
        Tensor step_gradient;  ///< with respect to them, over the root of the block's number of weights
    };

    /// Mean magnitudes of gradients over all steps so far, one number each.
    struct Magnitudes {
        Tensor averaged{Shape{1}};  ///< how many steps
        Tensor levels{Shape{1}};
        Tensor steps{Shape{1}};
    };

    /// Of all quantized parameters, initialised uniformly inside their rounding cells: from the middle, the rate
    /// penalty would flip all of them in the same step.
    LatentWeights(const Graph& graph, bool learns_steps);

    bool learns_steps() const { return learns_steps_; }

    std::vector<Entry>& entries() { return entries_; }
    const std::vector<Entry>& entries() const { return entries_; }

    /// Takes the gradients of the session's last backward.
    void take_gradients(const Graph& graph, const GraphExecutor& session);
    /// Divides the gradients of all levels by the mean magnitude that they had so far, and those of all steps
    /// likewise: one learning rate then suits every network and loss.
    void normalize_gradients();
    /// The divisors of gradients: a checkpoint keeps them.
    Magnitudes& magnitudes() { return magnitudes_; }
    /// Adds to the levels' gradients those of `weight` · bits: every block is taken as geometrically distributed.
    void add_rate_gradients(const Graph& graph, double weight);
    /// Rounds latents to the graph's levels and steps. Latents are clamped to the range of their blocks' depths.
    void requantize(Graph& graph);

  private:
    bool learns_steps_;
    Magnitudes magnitudes_;
    std::vector<Entry> entries_;
};

/// Bits of all levels of a network when entropy-coded.
std::int64_t coded_level_bits(const Graph& graph);

}  // namespace eigenbit::internal
