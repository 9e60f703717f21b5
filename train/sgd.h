#pragma once

#include "engine/graph/graph.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace eigenbit::internal {

/// A tensor that training changes.
struct ParameterGroup {
    std::string name;
    Tensor* values;
    double learning_rate_scale = 1.0;  ///< times the schedule's learning rate
    bool decays = true;                ///< whether weight decay pulls at it
};

/// Stochastic gradient descent with momentum, by PyTorch's rule: g ← gradient + weight_decay · w,
/// v ← momentum · v + g, w ← w − learning_rate · v (with Nesterov: · (g + momentum · v)).
class Sgd {
  public:
    struct Options {
        double momentum = 0.9;
        bool nesterov = false;
        double weight_decay = 0.0;
    };

    /// Moves these tensors, which stay where they are.
    Sgd(std::vector<ParameterGroup> tensors, const Options& options);

    /// One step along the gradients, one for each tensor.
    void step(std::span<const ConstView> gradients, double learning_rate);

    const std::vector<ParameterGroup>& tensors() const { return tensors_; }
    /// The velocities v, one like each tensor.
    const std::vector<Tensor>& velocities() const { return velocities_; }
    std::vector<Tensor>& velocities() { return velocities_; }

  private:
    struct Chunk {
        std::size_t tensor;
        std::int64_t begin, end;
    };

    void step(const Chunk& chunk, ConstView gradient, double learning_rate);

    Options options_;
    std::vector<ParameterGroup> tensors_;
    std::vector<Tensor> velocities_;
    std::vector<Chunk> chunks_;
};

/// The parameters that training moves: all but the running statistics of normalization.
std::vector<ValueId> trainable_parameters(const Graph& graph);

/// The parameters of layers of these names, which are to stay as they are. Throws Error where there is no such layer,
/// or it is quantized.
std::vector<ValueId> parameters_of_layers(const Graph& graph, std::span<const std::string> layers);

}  // namespace eigenbit::internal
