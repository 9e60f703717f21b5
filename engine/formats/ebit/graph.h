#pragma once

#include "engine/formats/ebit/bytes.h"
#include "engine/formats/ebit/size_ledger.h"
#include "engine/graph/graph.h"
#include "engine/graph/preprocessing.h"

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace eigenbit::internal {

/// Inputs, then parameters in the order in which nodes first read them, then the outputs of nodes: a value's position
/// is its number in a file.
std::vector<ValueId> stored_order(const Graph& graph);

/// All of a graph but its parameters' values and levels, charged to its layers. Throws Error when a node reads what
/// nothing before it outputs.
std::vector<std::uint8_t> write_graph(const Graph& graph, SizeLedger& sizes);

/// A graph whose float parameters have shapes but no values yet, and others no levels.
struct StoredGraph {
    Graph graph;
    std::map<ValueId, Shape> parameter_shapes;
};

/// The most that a graph may have.
struct GraphLimits {
    std::int64_t elements = std::numeric_limits<std::int64_t>::max();  ///< of all parameters, factors of products too
    std::int64_t nodes = std::numeric_limits<std::int64_t>::max();
};

/// Throws Error, also where the nodes' shapes do not fit each other for an input that the preprocessing makes.
StoredGraph read_graph(ByteReader& reader, const GraphLimits& limits,
                       const std::optional<Preprocessing>& preprocessing);

/// The name of the first node that reads each parameter; of others their own.
std::map<ValueId, std::string> layers_of_parameters(const Graph& graph);

}  // namespace eigenbit::internal
