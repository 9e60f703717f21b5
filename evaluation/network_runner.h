#pragma once

#include "engine/executor/graph_executor.h"
#include "engine/program/inference.h"
#include "engine/program/programs.h"

#include <memory>
#include <variant>
#include <vector>

namespace eigenbit::internal {

/// A network ready to run for whatever shape of input comes along.
class NetworkRunner {
  public:
    enum class Mode {
        simulated,  ///< by the graph executor, with the weights and quantizers of int8 execution
        float32,    ///< by a program of this Execution
        int8,
    };

    NetworkRunner(Graph graph, Mode mode);

    /// The first output for the only input; valid until the next run.
    ConstView run(ConstView input);
    /// Another output of that run, whose input had this shape.
    ConstView output(const Shape& input, std::size_t output);
    /// What is run: the network that was given, ready to be simulated where it is.
    const Graph& graph() const { return programs_.graph(); }
    /// What runs an input of this shape; null where the network is simulated.
    const Inference* inference(const Shape& input);

  private:
    static constexpr std::size_t kMost = 2;  // shapes: each has memory of its own

    struct Entry {
        Shape input;
        std::variant<std::unique_ptr<Inference>, std::unique_ptr<GraphExecutor>> runs;
    };

    Entry& of(const Shape& input);

    Programs programs_;
    Mode mode_;
    std::vector<Entry> entries_;
};

}  // namespace eigenbit::internal
