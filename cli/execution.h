#pragma once

#include "cli/results.h"
#include "engine/inference/inference.h"
#include "engine/inference/programs.h"

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

/// Says which layers int8 execution computes in floats, and why, where there are any.
void report_float_layers(const Graph& graph, Results& results);

/// A network ready to run in float_mode or int8_mode for whatever shape of input comes along.
class FusedNetwork {
  public:
    FusedNetwork(const Graph& graph, ExecutionMode mode) : programs_(graph), mode_(mode) {}

    Inference& of(const Shape& input);

  private:
    static constexpr std::size_t kMost = 2;  // shapes: each has a program of its own

    struct Entry {
        Shape input;
        std::unique_ptr<Inference> inference;
    };

    Programs programs_;
    ExecutionMode mode_;
    std::vector<Entry> entries_;
};

}  // namespace eigenbit
