#pragma once

#include "engine/base/memory_plan.h"
#include "engine/executor/training_fusion.h"
#include "engine/graph/graph.h"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

namespace eigenbit::internal {

/// Executes a graph for inputs of given shapes: forward, parts of forward again, and reverse-mode gradients.
///
/// The graph must outlive the session and keep its nodes; float parameters may change their values in place. Of others
/// the session has images, which training makes anew in every forward. All activations and gradients share one arena
/// planned by lifetime. A session belongs to one thread at a time; several may share a
/// graph.
///
/// Values that the graph has a quantizer for are rounded right after the node that computes them, inputs before the
/// first node runs; gradients pass through the rounding as if it were not there (straight-through estimator).
class GraphExecutor {
  public:
    struct Options {
        bool training = false;  ///< batch statistics and dropout instead of inference
        /// Every value stays readable after forward. Gradients imply it, except in training, which does not even
        /// compute the values inside of normalization chains.
        bool keep_values = false;
        std::optional<std::size_t> rerun_from{};  ///< after forward, forward_from(this node) may run again and again
        std::vector<ValueId> gradients{};         ///< the values whose gradients backward computes
        std::uint64_t seed = 0;                   ///< of what operators draw at random, different in every forward
        std::uint64_t forwards = 0;  ///< how many there were before in a session with this seed, which this one goes on
    };

    GraphExecutor(const Graph& graph, std::span<const Shape> inputs, Options options);
    GraphExecutor(const Graph& graph, std::span<const Shape> inputs) : GraphExecutor(graph, inputs, Options{}) {}
    /// For the only input.
    GraphExecutor(const Graph& graph, const Shape& input, Options options)
        : GraphExecutor(graph, std::span(&input, 1), std::move(options)) {}
    GraphExecutor(const Graph& graph, const Shape& input) : GraphExecutor(graph, input, Options{}) {}

    /// Reads a value from here from now on: an input, a parameter instead of the graph's own values, or what a node
    /// outputs. Throws Error when the shape is not the one planned for.
    void bind(ValueId value, ConstView source);

    void forward();
    /// Runs the nodes begin … end-1 only.
    void forward(std::size_t begin, std::size_t end);
    /// Runs the node at this position and every later one that depends on it; all else stays as it is. Needs
    /// keep_values, or rerun_from for this node.
    void forward_from(std::size_t node);
    /// Binds the only input, runs forward and returns the first output, which stays valid until the next forward.
    ConstView run(ConstView input);

    /// Gradients of ⟨output_gradient, first output⟩, after forward.
    void backward(ConstView output_gradient);

    ConstView value(ValueId value) const { return values_[static_cast<std::size_t>(value)]; }
    ConstView output() const { return value(graph_->outputs().front()); }
    /// Of a value listed in the options, after backward.
    ConstView gradient(ValueId value) const { return gradients_[static_cast<std::size_t>(value)]; }
    /// What the node at this position saved in a training forward (batch statistics, dropout's multipliers).
    ConstView saved(std::size_t node) const { return saved_[node]; }

    std::int64_t arena_bytes() const { return arena_.elements() * static_cast<std::int64_t>(sizeof(float)); }

  private:
    void make_images();
    void plan_arena(std::span<const Shape> shapes);
    std::vector<bool> dependents(std::size_t node) const;  // by node; itself included
    std::vector<bool> kept_for_reruns() const;             // by ValueId
    void mark_gradients();
    void find_chains(std::span<const Shape> shapes);
    NormalizationTail tail_of(const TrainingFusion& chain) const;
    void round(ValueId value);
    void run_node(std::size_t index);
    void run_node_backward(std::size_t index);
    void prepare_gradients(const Node& node, BackwardArguments& arguments);

    const Graph* graph_;
    Options options_;
    Tensor arena_;
    std::uint64_t step_;                // forwards so far
    std::map<ValueId, Tensor> images_;  // of parameters that are not float
    std::vector<ConstView> values_;     // by ValueId
    std::vector<View> produced_;        // by ValueId; data is null for inputs and parameters
    std::vector<View> rounded_;         // by ValueId; data is null where there is no quantizer
    std::vector<ConstView>
        unrounded_;                // by ValueId; of values with a quantizer; the same memory where nobody needs both
    std::vector<View> gradients_;  // by ValueId; data is null where not needed
    std::vector<bool> needs_gradient_;              // by ValueId
    std::vector<bool> has_gradient_;                // by ValueId, during backward
    std::map<std::size_t, TrainingFusion> chains_;  // by last node
    std::vector<std::size_t> place_;                // by node: where it runs, its own place or its chain's
    std::vector<View> saved_;                       // by node
    std::vector<View> workspaces_;                  // by node, of its backward
    std::vector<WeightCache> caches_;               // by node
};

}  // namespace eigenbit::internal
