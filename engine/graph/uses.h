#pragma once

#include "engine/graph/graph.h"

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace eigenbit::internal {

/// Which node computes each value of a graph and which nodes read it (def-use), as the graph was when this was made.
class GraphUses {
  public:
    explicit GraphUses(const Graph& graph);

    /// The position of the node that computes the value; none for inputs and parameters.
    std::optional<std::size_t> producer(ValueId value) const { return uses_[at(value)].producer; }
    /// The positions of the nodes that read the value, ascending; a node is listed once for each input that reads it.
    std::span<const std::size_t> readers(ValueId value) const { return uses_[at(value)].readers; }
    bool is_output(ValueId value) const { return uses_[at(value)].is_output; }
    /// The node that alone reads the value, through one input; none where there is another reader or the value is an
    /// output of the graph.
    std::optional<std::size_t> only_reader(ValueId value) const;

  private:
    struct Uses {
        std::optional<std::size_t> producer{};
        std::vector<std::size_t> readers;
        bool is_output = false;
    };

    static std::size_t at(ValueId value) { return static_cast<std::size_t>(value); }

    std::vector<Uses> uses_;  // by ValueId
};

/// GraphUses::producer of one value, where that is all that is asked.
std::optional<std::size_t> producer(const Graph& graph, ValueId value);

/// The node's input at this place as a parameter that nobody else reads: a copy where it is shared.
ValueId own_parameter(Graph& graph, std::size_t node, std::size_t input);

}  // namespace eigenbit::internal
