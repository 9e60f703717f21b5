#pragma once

#include "engine/graph/graph.h"

#include <map>
#include <optional>
#include <span>

namespace eigenbit::internal {

/// A batch normalization fused with a following addition, a following ReLU or clip, or both. Training runs them as one
/// step, at the position of the last node, and does not materialise the values between.
struct TrainingFusion {
    std::size_t normalization;  // by node
    std::optional<std::size_t> addition{}, activation{};
    ValueId residual = -1;  // what the addition adds

    std::size_t last() const { return activation ? *activation : *addition; }
};

/// The chains of a graph by their last node, for values of these shapes. Values that others read, that are rounded or
/// `kept` end a chain.
std::map<std::size_t, TrainingFusion> normalization_chains(const Graph& graph, std::span<const Shape> shapes,
                                                           std::span<const ValueId> kept);

}  // namespace eigenbit::internal
