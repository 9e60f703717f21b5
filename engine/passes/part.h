#pragma once

#include "engine/graph/graph.h"

#include <functional>
#include <map>
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

/// Adds to a graph the parameters, nodes and quantizers of another that are for values `wanted`, but those whose values
/// it has: `known` maps values of the other graph to its own, in the end all that are wanted.
void add_part(Graph& graph, const Graph& from, std::map<ValueId, ValueId>& known,
              const std::function<bool(ValueId)>& wanted);

}  // namespace eigenbit::internal
