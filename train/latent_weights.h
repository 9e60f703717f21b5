#pragma once

#include "engine/executor/graph_executor.h"
#include "engine/graph/graph.h"

#include <cstdint>
#include <string>
#include <vector>

namespace eigenbit::internal {

/// What training moves of quantized parameters: for every index a real number that rounds to it, and, where steps are
/// learned (Esser et al. 2020, Learned step size quantization), for every block one that rounds to its step's position
/// on the grid of steps that files store. Gradients go through the rounding as if it were not there (straight-through
/// estimator, Young et al. section 5.3). Numbers are in units of the steps: compression gave every block the step with
/// which it disturbs the output as much as any other does, so that one learning rate suits them all.
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
        Tensor indices{Shape{1}};
        Tensor steps{Shape{1}};
    };

    /// Those of all quantized parameters, each at random within what rounds to its index: were all in the middle, a
    /// force on them would do nothing for long, and then to all of them at once.
    LatentWeights(const Graph& graph, bool learns_steps);

    bool learns_steps() const { return learns_steps_; }

    std::vector<Entry>& entries() { return entries_; }
    const std::vector<Entry>& entries() const { return entries_; }

    /// Takes the gradients of the session's last backward.
    void take_gradients(const Graph& graph, const GraphExecutor& session);
    /// Divides the gradients of all indices by the mean magnitude that they had so far, and those of all steps
    /// likewise: one learning rate then suits every network and loss.
    void normalize_gradients();
    /// What gradients are divided by: a checkpoint keeps them.
    Magnitudes& magnitudes() { return magnitudes_; }
    /// Adds to the indices' gradients those of `weight` · bits: every block is taken as geometrically distributed.
    void add_rate_gradients(const Graph& graph, double weight);
    /// Rounds: the graph's levels follow. Latents stay within what their blocks' depths can hold.
    void round(Graph& graph);

  private:
    bool learns_steps_;
    Magnitudes magnitudes_;
    std::vector<Entry> entries_;
};

/// Bits of all indices of a network when entropy-coded.
std::int64_t coded_index_bits(const Graph& graph);

}  // namespace eigenbit::internal
