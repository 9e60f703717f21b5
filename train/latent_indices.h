#pragma once

#include "engine/graph.h"
#include "engine/session.h"

#include <cstdint>
#include <string>
#include <vector>

namespace eigenbit {

/// What training moves of quantized parameters: for every index a real number that rounds to it. Gradients go through
/// the rounding as if it were not there (straight-through estimator, Young et al. section 5.3). Numbers are in units of
/// the steps: compression gave every block the step with which it disturbs the output as much as any other does, so
/// that one learning rate suits them all.
class LatentIndices {
  public:
    struct Entry {
        ValueId parameter;
        Tensor latents;   ///< like the parameter
        Tensor gradient;  ///< with respect to them
    };

    /// Those of all quantized parameters, each in the middle of what rounds to its index.
    explicit LatentIndices(const Graph& graph);

    std::vector<Entry>& entries() { return entries_; }
    const std::vector<Entry>& entries() const { return entries_; }

    /// Takes the gradients of the session's last backward.
    void take_gradients(const Graph& graph, const Session& session);
    /// Adds to the gradients those of `weight` · bits: every block is taken as geometrically distributed.
    void add_rate_gradients(const Graph& graph, double weight);
    /// Rounds: the graph's indices and values follow. Latents stay within what their blocks' depths can hold.
    void round(Graph& graph);

  private:
    std::vector<Entry> entries_;
};

/// Bits of all indices of a network when entropy-coded.
std::int64_t coded_index_bits(const Graph& graph);

}  // namespace eigenbit
