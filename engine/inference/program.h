#pragma once

#include "engine/inference/inference.h"

#include <map>
#include <span>
#include <vector>

namespace eigenbit {

/// What a graph becomes: steps in the order in which they run, and the buffers between them, without memory yet.
struct Program {
    std::vector<Step> steps;
    std::vector<Buffer> buffers;
    std::vector<BufferId> inputs;      ///< of floats, in the graph's order
    std::vector<BufferId> outputs;     ///< of floats
    std::map<ValueId, Tensor> images;  ///< of parameters that operators read and that are not float
};

/// The steps of a graph for inputs of these shapes. Steps of operators refer to the graph's parameters; layers have
/// copies of theirs.
Program compile(const Graph& graph, std::span<const Shape> inputs, Execution execution);

}  // namespace eigenbit
