#pragma once

#include "engine/inference/inference.h"

#include <CLI/CLI.hpp>

#include <memory>
#include <vector>

namespace eigenbit {

/// How a network is run.
enum class ExecutionMode {
    simulated,   ///< by the float operators that training uses, values rounded to their grids
    float_mode,  ///< fused, activations float32
    int8_mode,   ///< fused, activations and weights of 8 bits
};

/// Adds --execution to a verb.
void add_execution_option(CLI::App& verb, ExecutionMode& mode);

std::string_view mode_name(ExecutionMode mode);

/// A network ready to run in float_mode or int8_mode for whatever shape of input comes along.
class FusedNetwork {
  public:
    FusedNetwork(const Graph& graph, ExecutionMode mode) : graph_(graph), mode_(mode) {}

    Inference& of(const Shape& input);

  private:
    static constexpr std::size_t kMost = 2;  // shapes: each has packed weights of its own

    struct Entry {
        Shape input;
        std::unique_ptr<Inference> inference;
    };

    const Graph& graph_;
    ExecutionMode mode_;
    std::vector<Entry> entries_;
};

}  // namespace eigenbit
