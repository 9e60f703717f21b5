#pragma once

#include "engine/session.h"

#include <cstdint>
#include <vector>

namespace eigenbit {

/// Stochastic gradient descent with momentum, by PyTorch's rule: g ← gradient + weight_decay · w,
/// v ← momentum · v + g, w ← w − learning_rate · v (with Nesterov: · (g + momentum · v)).
class Sgd {
  public:
    struct Options {
        double momentum = 0.9;
        bool nesterov = false;
        double weight_decay = 0.0;
        bool decay_everything = false;  ///< biases and normalization too, not only the weights of layers
    };

    /// Moves these parameters of the graph.
    Sgd(const Graph& graph, std::vector<ValueId> parameters, const Options& options);

    /// One step along the gradients of the session's last backward.
    void step(Graph& graph, const Session& session, double learning_rate);

    const std::vector<ValueId>& parameters() const { return parameters_; }
    /// The velocities v, one like each parameter.
    const std::vector<Tensor>& velocities() const { return velocities_; }
    std::vector<Tensor>& velocities() { return velocities_; }

  private:
    struct Chunk {
        std::size_t parameter;
        std::int64_t begin, end;
    };

    void step(const Chunk& chunk, Graph& graph, const Session& session, double learning_rate);

    Options options_;
    std::vector<ValueId> parameters_;
    std::vector<Tensor> velocities_;
    std::vector<Chunk> chunks_;
};

/// The parameters that training moves: all but the running statistics of normalization.
std::vector<ValueId> trainable_parameters(const Graph& graph);

}  // namespace eigenbit
