#include "compress/transform_choice.h"

#include <tbb/parallel_for.h>

#include <algorithm>
#include <vector>

namespace eigenbit {
namespace {

/// What a layer costs under one of its transforms.
struct Outcome {
    double predicted = 0.0;  // distortions
    double measured = 0.0;
    double bits = 0.0;
};

std::vector<Outcome> outcomes_of(std::size_t layer, const LayerOptions& options, double lambda,
                                 const LayerQuantizer& quantize, DistortionMeter& meter) {
    std::vector<Outcome> outcomes(options.size());
    std::vector<Tensor> weights(options.size());
    tbb::parallel_for(std::size_t{0}, options.size(), [&](std::size_t i) {
        const LayerChoice choice = choose_candidates(options[i], lambda);
        const BlockIndices indices = quantize(layer, options[i], choice);
        outcomes[i].predicted = choice.distortion;
        outcomes[i].bits = index_bits(options[i], choice, indices);
        weights[i] = synthesize(quantize_layer(options[i], choice, indices));
    });
    const std::vector<double> measured = meter.measure(options.size(), [&](std::size_t i, std::span<float> target) {
        std::ranges::copy(weights[i].values(), target.begin());
    });
    for (std::size_t i = 0; i < options.size(); ++i) outcomes[i].measured = measured[i];
    return outcomes;
}

}  // namespace

void exclude_dearer_transforms(std::span<LayerOptions> curves, const Graph& graph, std::span<const Layer> layers,
                               ConstView images, double lambda, const LayerQuantizer& quantize,
                               const MeterOptions& options) {
    std::vector<std::vector<Outcome>> outcomes(layers.size());
    double predicted = 0.0;
    double measured = 0.0;
    for (std::size_t i = 0; i < layers.size(); ++i) {
        if (curves[i].size() == 1) continue;
        DistortionMeter meter(graph, layers[i], images, options);
        outcomes[i] = outcomes_of(i, curves[i], lambda, quantize, meter);
        for (const Outcome& outcome : outcomes[i]) {
            predicted += outcome.predicted;
            measured += outcome.measured;
        }
    }
    const double trade_off = predicted > 0.0 ? lambda * measured / predicted : lambda;
    for (std::size_t i = 0; i < layers.size(); ++i) {
        const auto best = std::ranges::min_element(
            outcomes[i], {}, [&](const Outcome& outcome) { return outcome.measured + trade_off * outcome.bits; });
        for (std::size_t option = 0; option < outcomes[i].size(); ++option) {
            curves[i][option].excluded = option != static_cast<std::size_t>(best - outcomes[i].begin());
        }
    }
}

}  // namespace eigenbit
