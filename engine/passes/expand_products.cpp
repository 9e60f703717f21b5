#include "engine/passes/expand_products.h"

#include <algorithm>
#include <map>

namespace eigenbit::internal {
namespace {

std::vector<std::int16_t> transposed(std::span<const std::int16_t> matrix, const Shape& shape) {
    const std::int64_t rows = shape[0];
    const std::int64_t columns = shape[1];
    std::vector<std::int16_t> result(matrix.size());
    constexpr std::int64_t kTile = 16;  // rows whose cache lines are read side by side
    for (std::int64_t first = 0; first < rows; first += kTile) {
        for (std::int64_t column = 0; column < columns; ++column) {
            for (std::int64_t row = first; row < std::min(first + kTile, rows); ++row) {
                result[static_cast<std::size_t>(column * rows + row)] =
                    matrix[static_cast<std::size_t>(row * columns + column)];
            }
        }
    }
    return result;
}

/// A quantized matrix (r × c) as (c × r). Levels that are not in memory stay where they are.
Quantized transposed(const Quantized& matrix) {
    Quantized result{.shape = Shape{matrix.shape[1], matrix.shape[0]},
                     .axis = 1 - matrix.axis,
                     .blocks = matrix.blocks,
                     .levels = {}};
    if (matrix.source) {
        result.source.all = [matrix] { return transposed(matrix.source.all(), matrix.shape); };
        result.source.block = [matrix](std::size_t block) {
            return transposed(matrix.source.block(block), block_shape(matrix, block));
        };
    } else {
        result.levels = transposed(matrix.levels, matrix.shape);
    }
    return result;
}

/// A matrix (outputs × inputs) as the weight of a pointwise layer, and back.
Quantized as_pointwise(Quantized matrix, bool is_convolution) {
    if (!is_convolution) return matrix;
    matrix.shape = Shape{matrix.shape[0], 1, 1, matrix.shape[1]};
    if (matrix.axis == 1) matrix.axis = 3;
    return matrix;
}

Quantized as_matrix(Quantized pointwise) {
    if (pointwise.shape.rank() == 2) return pointwise;
    pointwise.shape = Shape{pointwise.shape[0], pointwise.shape[3]};
    if (pointwise.axis == 3) pointwise.axis = 1;
    return pointwise;
}

/// What is left of a product without the bases that have become layers.
Weight without(const Product& product, const std::vector<std::optional<ExpandedLayer::Factor>>& factors) {
    Product left{product.shape, product.kernel, {}};
    for (std::size_t i = 0; i < product.bases.size(); ++i) {
        if (!factors[i]) {
            left.bases.push_back(product.bases[i]);
        } else if (product.bases[i].axis == Axis::row) {
            left.shape[left.shape.rank() - 1] = product.kernel.shape.back();
        } else {
            left.shape[0] = product.kernel.shape[0];
        }
    }
    if (left.bases.empty()) return left.kernel;
    return left;
}

Operator pointwise_operator(const LayerView& layer) { return layer.conv ? Operator(Conv{}) : Operator(Gemm{}); }

class Expander {
  public:
    Expander(Graph& graph, const ExpandBasis& expands) : graph_(graph), expands_(expands) {}

    std::vector<ExpandedLayer> run() {
        for (std::size_t position = 0; position < graph_.nodes().size(); ++position) {
            const auto layer = layer_at(graph_, position);
            if (!layer) continue;
            const Product* const product = product_of(layer->weight);
            if (product && std::ranges::any_of(product->bases, [&](const Basis& b) { return expands_(*layer, b); })) {
                position = expand(*layer, *product);
            }
        }
        for (const ExpandedLayer& layer : layers_)
            graph_.parameter(layer.weight) = without(layer.product, layer.factors);
        return std::move(layers_);
    }

  private:
    /// Weights stay until all layers that read them have been expanded.
    const Product* product_of(ValueId weight) const { return graph_.parameter(weight).product(); }

    ValueId factor_weight(const LayerView& layer, const Basis& basis) {
        const auto [entry, is_new] = weights_.try_emplace({layer.weight, basis.axis});
        if (is_new) {
            const auto& matrix = std::get<Quantized>(basis.matrix);
            const Quantized pointwise = basis.axis == Axis::row ? transposed(matrix) : matrix;
            entry->second = graph_.add_parameter(graph_.nodes()[layer.node].name
                                                     + (basis.axis == Axis::row ? ".S.row" : ".S.column"),
                                                 as_pointwise(pointwise, layer.conv.has_value()));
        }
        return entry->second;
    }

    /// Returns the position of the last of the nodes that the layer has become.
    std::size_t expand(const LayerView& layer, const Product& product) {
        ExpandedLayer expanded{layer.weight, product, {}};
        std::size_t kernel = layer.node;  // position of the kernel's node
        std::size_t last = layer.node;    // of the one that computes the layer's output
        for (const Basis& basis : product.bases) {
            expanded.factors.emplace_back();
            if (!std::holds_alternative<Quantized>(basis.matrix) || !expands_(layer, basis)) continue;
            const ValueId weight = factor_weight(layer, basis);
            const ValueId value =
                basis.axis == Axis::row ? mix_inputs(layer, weight, kernel++) : mix_outputs(layer, weight, kernel);
            ++last;
            if (basis.inner) graph_.quantize_activation(value, *basis.inner);
            expanded.factors.back() = {weight, value};
        }
        layers_.push_back(std::move(expanded));
        return last;
    }

    /// x → Sᵗx in front of the kernel's node.
    ValueId mix_inputs(const LayerView& layer, ValueId weight, std::size_t kernel) {
        const std::string name = graph_.nodes()[kernel].name + ".S.row";
        const ValueId mixed = graph_.insert_node(kernel, name, pointwise_operator(layer), {layer.input, weight});
        graph_.node(kernel + 1).inputs[0] = mixed;
        return mixed;
    }

    /// The kernel moves to a new node at its position, without bias and gains, and S takes its place behind that.
    ValueId mix_outputs(const LayerView& layer, ValueId weight, std::size_t kernel) {
        const Node node = graph_.nodes()[kernel];
        const ValueId mixed = graph_.insert_node(kernel, node.name + ".T", node.op, {node.inputs[0], node.inputs[1]});
        Node& synthesis = graph_.node(kernel + 1);
        synthesis.op = pointwise_operator(layer);
        synthesis.inputs[0] = mixed;
        synthesis.inputs[1] = weight;
        return mixed;
    }

    Graph& graph_;
    const ExpandBasis& expands_;
    std::map<std::pair<ValueId, Axis>, ValueId> weights_;  // of factors
    std::vector<ExpandedLayer> layers_;
};

/// The product as the expanded layer's weights and quantizers are now.
Product collapsed(const Graph& graph, const ExpandedLayer& layer) {
    Product product = layer.product;
    const Weight& left = graph.parameter(layer.weight);
    product.kernel = left.product() ? left.product()->kernel : *left.quantized();
    std::size_t stayed = 0;
    for (std::size_t i = 0; i < product.bases.size(); ++i) {
        Basis& basis = product.bases[i];
        if (!layer.factors[i]) {
            basis.matrix = left.product()->bases[stayed++].matrix;
            continue;
        }
        const Quantized matrix = as_matrix(*graph.parameter(layer.factors[i]->weight).quantized());
        basis.matrix = basis.axis == Axis::row ? transposed(matrix) : matrix;
        const auto inner = graph.activations().find(layer.factors[i]->value);
        basis.inner = inner == graph.activations().end() ? std::nullopt : std::optional(inner->second);
    }
    return product;
}

}  // namespace

bool has_inner_quantizer(const LayerView&, const Basis& basis) { return basis.inner.has_value(); }

std::vector<ExpandedLayer> expand_products(Graph& graph, const ExpandBasis& expands) {
    return Expander(graph, expands).run();
}

void collapse_products(Graph& graph, std::span<const ExpandedLayer> layers) {
    std::map<ValueId, Product> products;
    for (const ExpandedLayer& layer : layers) {
        products.emplace(layer.weight, collapsed(graph, layer));
        for (std::size_t i = 0; i < layer.factors.size(); ++i) {
            if (!layer.factors[i]) continue;
            const GraphUses uses(graph);
            const std::size_t added = uses.producer(layer.factors[i]->value).value();
            const std::size_t reader = uses.only_reader(layer.factors[i]->value).value();
            Node& node = graph.node(reader);
            node.inputs[0] = graph.nodes()[added].inputs[0];
            if (layer.product.bases[i].axis == Axis::column) {
                node.op = graph.nodes()[added].op;
                node.inputs[1] = graph.nodes()[added].inputs[1];
            }
            graph.remove_unused_nodes();
        }
    }
    for (auto& [weight, product] : products) graph.parameter(weight) = std::move(product);
}

}  // namespace eigenbit::internal
