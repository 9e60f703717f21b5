#include "compress/quantization/activation_quantizers.h"

#include "engine/passes/expand_products.h"
#include "engine/passes/quantizer_candidates.h"

namespace eigenbit::internal {
namespace {

/// Whether a layer takes fewer multiplications with the basis as a layer of its own than multiplied out.
bool saves_multiplications(const LayerView& layer, const Product& product, const Basis& basis,
                           std::span<const Shape> shapes) {
    const auto pixels = [&](ValueId value) {
        const Shape& shape = shapes[static_cast<std::size_t>(value)];
        return shape.elements(0, shape.rank() - 1);
    };
    if (basis.axis == Axis::taps || layer.groups() != 1) return false;
    const bool mixes_inputs = basis.axis == Axis::row;
    const std::int64_t outputs = layer.output_channels();
    const std::int64_t inputs = layer.weight_shape.back();
    const std::int64_t kept = extent(with_one_tap_axis(product.kernel.shape), basis.axis);
    const std::int64_t whole = pixels(layer.output) * outputs * layer.taps() * inputs;
    const std::int64_t mixing = kept * (mixes_inputs ? pixels(layer.input) * inputs : pixels(layer.output) * outputs);
    const std::int64_t rest = pixels(layer.output) * layer.taps() * kept * (mixes_inputs ? outputs : inputs);
    return mixing + rest < whole;
}

}  // namespace

std::vector<ChosenQuantizer> quantize_activations(Graph& graph, ConstView images,
                                                  const ActivationQuantizerOptions& options) {
    const std::vector<Shape> shapes = infer_shapes(graph, images.slice(0, 1).shape);
    const std::vector<ExpandedLayer> expanded = expand_products(graph, [&](const LayerView& layer, const Basis& basis) {
        const Product& product = *graph.parameter(layer.weight).product();
        return basis.inner || saves_multiplications(layer, product, basis, shapes);
    });
    std::vector<ChosenQuantizer> chosen;
    for (const ActivationCurve& curve : activation_curves(graph, images, options.depths, options.sampling)) {
        const ActivationCandidate& candidate = cheapest(curve, options.lambda);
        quantize_candidate(graph, curve.value, candidate.quantizer);
        chosen.push_back({curve.elements, candidate.quantizer.bit_depth, candidate.distortion});
    }
    collapse_products(graph, expanded);
    return chosen;
}

void copy_quantizers(const Graph& from, Graph& to) {
    for (const auto& [value, quantizer] : from.activations()) to.quantize_activation(value, quantizer);
    for (const auto& [value, weight] : from.parameters()) {
        if (!weight.product()) continue;
        for (std::size_t i = 0; i < weight.product()->bases.size(); ++i) {
            to.parameter(value).product()->bases[i].inner = weight.product()->bases[i].inner;
        }
    }
}

}  // namespace eigenbit::internal
