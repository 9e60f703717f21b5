#pragma once

#include "engine/graph/graph.h"

#include <span>
#include <vector>

namespace eigenbit::internal {

/// A network of several inputs as one whose only input holds them one after the other, a row for each example: what
/// takes one input, such as compression, takes such networks so.
class JoinedInputs {
  public:
    /// `shapes` are those of the inputs, for any number of examples.
    JoinedInputs(const Graph& graph, std::span<const Shape> shapes);

    const Graph& graph() const { return joined_; }
    /// The examples of all inputs as those of the joined one.
    Tensor join(std::span<const Tensor> inputs) const;
    /// A graph that was made of graph(), with the inputs apart again.
    Graph apart(const Graph& rewritten) const;

  private:
    struct Input {
        std::string name;
        Shape shape;    // as the network declares it
        ValueId value;  // of the joined graph
    };

    Graph joined_;
    std::vector<Input> inputs_;
};

}  // namespace eigenbit::internal
