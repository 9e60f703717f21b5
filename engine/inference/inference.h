#pragma once

#include "engine/graph.h"
#include "engine/inference/steps.h"

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <vector>

namespace eigenbit {

/// What layers compute with.
enum class Execution {
    floats,  ///< float activations and the weights' exact values; grids of activations are ignored
    bytes,   ///< activations on their grids of up to 8 bits and weights of 8 bits; layers without a grid in floats
};

/// A network as a sequence of steps, for inference alone: what can be fused is one step, weights lie as the kernels
/// read them, and all activations share one arena planned by lifetime. Belongs to one thread at a time; runs on oneTBB.
class Inference {
  public:
    /// Takes the network for inputs of these shapes; prepare_for_inference makes it faster. Throws Error where shapes
    /// do not fit.
    Inference(Graph graph, std::span<const Shape> inputs, Execution execution);

    /// Told, after each step, which it was and how long it took.
    using Observer = std::function<void(std::size_t step, double seconds)>;

    /// The first output for the only input; it stays valid until the next run.
    ConstView run(ConstView input, const Observer& observer = {});
    /// The same for any number of inputs, in the graph's order.
    ConstView run(std::span<const ConstView> inputs, const Observer& observer = {});
    /// Output `index` of the last run.
    ConstView output(std::size_t index = 0) const { return buffers_[outputs_[index]].floats(); }
    std::size_t output_count() const { return outputs_.size(); }

    std::span<const Step> steps() const { return steps_; }
    std::int64_t multiply_accumulates() const;
    std::int64_t weight_bytes() const;
    /// Of the arena that holds all activations but the inputs.
    std::int64_t activation_bytes() const { return arena_.elements() * static_cast<std::int64_t>(sizeof(float)); }

  private:
    void plan_arena();

    Graph graph_;
    std::map<ValueId, Tensor> images_;
    std::vector<Step> steps_;
    std::vector<Buffer> buffers_;
    std::vector<BufferId> inputs_;
    std::vector<BufferId> outputs_;
    Tensor arena_;
};

}  // namespace eigenbit
