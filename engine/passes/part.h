#pragma once

#include "engine/graph/graph.h"

#include <string_view>

namespace eigenbit::internal {

/// What of a network computes a value: a graph that has no output yet.
struct GraphPart {
    Graph graph;
    ValueId value;
};

/// The value of this name or, where there is none, the only output of the node of this name. Throws Error when there is
/// neither.
ValueId find_value(const Graph& graph, std::string_view name);

/// All inputs stay.
GraphPart part_up_to(const Graph& graph, ValueId value);

}  // namespace eigenbit::internal
