#pragma once

#include "engine/graph/graph.h"

#include <map>
#include <span>
#include <vector>

namespace eigenbit::internal {

/// A value as scale[c] · x + shift[c], where x are other values one after the other along the last axis, channels c.
struct PrologueValue {
    std::vector<ValueId> parts;
    std::vector<float> scale, shift;
};

/// Values that need not be computed where nothing but bytes are made of them: rounding can as well lay channels one
/// after the other (Concat) and scale and shift them (affine operators, such as normalizations with constant
/// statistics).
class QuantizePrologue {
  public:
    QuantizePrologue(const Graph& graph, std::span<const Shape> shapes) : graph_(graph), shapes_(shapes) {}

    bool can_defer(const Node& node) const;
    /// What the node outputs is not computed for now.
    void defer(const Node& node) { nodes_[node.outputs.front()] = &node; }
    /// The node that is to compute the value, if none has; it counts as computed then.
    const Node* take(ValueId value);
    /// The inputs of a Concat, with those of a deferred Concat in its place.
    std::vector<ValueId> concatenated(const Node& concat) const;
    /// The output of a node that can be deferred.
    PrologueValue output_of(const Node& node) const;
    /// Through all nodes that are deferred.
    PrologueValue of(ValueId value) const;

  private:
    const Graph& graph_;
    std::span<const Shape> shapes_;
    std::map<ValueId, const Node*> nodes_;
};

}  // namespace eigenbit::internal
