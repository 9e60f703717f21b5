#pragma once

#include "engine/graph/layer_view.h"

#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <vector>

namespace eigenbit::internal {

/// A node and those after it that are computed along with it: y = min(high, max(low, node + residual)), or a function
/// of the sum.
struct FusedNode {
    std::size_t node;  ///< position in the graph
    std::size_t last;  ///< position of the last node that is fused into it; it runs then
    std::vector<ValueId> outputs;
    std::optional<LayerView> layer{};  ///< what the node is, if it is a layer
    std::optional<ValueId> residual{};
    float low = -std::numeric_limits<float>::infinity();
    float high = std::numeric_limits<float>::infinity();
    const Node* function = nullptr;  ///< of the graph; null when there is none
};

/// Whether a layer can compute what this node makes of the layer's outputs, or of a sum of these, element by element.
using TakesFunction = std::function<bool(const LayerView& layer, const Node& function)>;

/// The graph's nodes in the order in which they run, where convolutions and fully-connected layers with constant
/// weights include a following addition, and then a following activation that clamps (ReLU, clip) or that they take,
/// where the values between have no other reader and no quantizer.
std::vector<FusedNode> fuse(const Graph& graph, std::span<const Shape> shapes, const TakesFunction& takes_function);

/// What is added to `value` by this node, if it adds something of the same shape.
std::optional<ValueId> addend(const Node& node, ValueId value, std::span<const Shape> shapes);

/// y = min(high, max(low, x))
struct Clamp {
    float low = -std::numeric_limits<float>::infinity();
    float high = std::numeric_limits<float>::infinity();
};

/// The clamp that the node is (ReLU, clip), if it is one.
std::optional<Clamp> as_clamp(const Node& node);

}  // namespace eigenbit::internal
