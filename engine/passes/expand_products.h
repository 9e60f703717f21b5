#pragma once

#include "engine/graph/layer_view.h"

#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace eigenbit::internal {

/// A layer whose Product was expanded: what it takes to make one layer of it again.
struct ExpandedLayer {
    ValueId weight = 0;  ///< the product before, what is left of it after
    Product product;     ///< as it was
    /// For each basis of the product: the weight of the pointwise layer that it became, and the value between that and
    /// the kernel's layer; none where it stayed in the product.
    struct Factor {
        ValueId weight, value;
    };
    std::vector<std::optional<Factor>> factors;
};

/// Whether a basis of a layer's product becomes a layer of its own.
using ExpandBasis = std::function<bool(const LayerView&, const Basis&)>;

/// Has a quantizer for the value between, so that the layer is meant to run as two.
bool has_inner_quantizer(const LayerView& layer, const Basis& basis);

/// Makes layers of their own of bases in Products: a pointwise one before the kernel's for input channels, after it for
/// output channels, which then has the layer's bias, gains and output value. Quantizers of values between become the
/// graph's. What the layers compute keeps its ids.
std::vector<ExpandedLayer> expand_products(Graph& graph, const ExpandBasis& expands = has_inner_quantizer);

/// The inverse, for a graph whose weights and quantizers may have changed since.
void collapse_products(Graph& graph, std::span<const ExpandedLayer> layers);

}  // namespace eigenbit::internal
