#pragma once

#include "engine/graph/graph.h"
#include "engine/program/steps.h"

#include <cstdint>
#include <list>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace eigenbit::internal {

/// What layers compute with.
enum class Execution {
    float32,  ///< float activations and the weights' exact values; quantizers of activations are ignored
    int8,     ///< activations of up to 8 bits and weights of 8 bits; layers whose input has no quantizer in floats
};

/// A network compiled for inputs of given shapes: steps in the order in which they run, with packed weights, and the
/// places of the buffers between them in an arena. Const once made: any number of sessions share it, each with an arena
/// of its own. It holds all that it needs; the graph may go.
class Program {
  public:
    struct Input {
        std::string name;
        BufferId buffer;
    };

    std::span<const Step> steps() const { return steps_; }
    /// With data null; their places are offsets() in floats.
    std::span<const Buffer> buffers() const { return buffers_; }
    std::span<const std::int64_t> offsets() const { return offsets_; }
    /// Of floats, in the graph's order. The caller has their memory.
    std::span<const Input> inputs() const { return inputs_; }
    /// Of floats, in the graph's order.
    std::span<const BufferId> outputs() const { return outputs_; }
    std::int64_t arena_elements() const { return arena_elements_; }  ///< floats
    const CpuImplementation& implementation() const { return *implementation_; }

    /// Whether an input is only read to be rounded, so that it may as well be bytes that stand for floats.
    bool only_rounds(std::size_t input) const;

    std::int64_t multiply_accumulates() const;
    /// Of packed weights, biases and constants: all that grows with the network's parameters.
    std::int64_t weight_bytes() const;

  private:
    friend class Compiler;

    void plan_arena();

    std::vector<Step> steps_;
    std::vector<Buffer> buffers_;
    std::vector<std::int64_t> offsets_;
    std::vector<Input> inputs_;
    std::vector<BufferId> outputs_;
    std::list<Tensor> constants_;  // that steps of operators read
    std::int64_t arena_elements_ = 0;
    const CpuImplementation* implementation_ = nullptr;
};

/// Compiles a network; prepare_for_inference makes it faster. Throws Error where shapes do not fit. The outputs of int8
/// layers and of operators on floats are the same with every implementation, those of float layers but for rounding.
std::shared_ptr<const Program> compile(const Graph& graph, std::span<const Shape> inputs, Execution execution,
                                       const CpuImplementation& implementation = active_cpu_implementation());

}  // namespace eigenbit::internal
