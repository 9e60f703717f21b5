#include "compress/transform/transform_choice.h"

#include <tbb/parallel_for.h>

#include <algorithm>
#include <vector>

namespace eigenbit::internal {
namespace {

/// A transform that a layer may choose, and what becomes of the layer under it.
struct Contender {
    std::size_t option;
    LayerChoice choice;
    double measured_distortion = 0.0;
    double bits = 0.0;
};

std::vector<Contender> contenders_of(const LayerAlternatives& options, double lambda) {
    std::vector<Contender> contenders;
    for (std::size_t option = 0; option < options.size(); ++option) {
        if (!options[option].disabled) contenders.push_back({option, choose_candidates(options[option], lambda)});
    }
    return contenders;
}

void measure(std::span<Contender> contenders, std::size_t layer, const LayerAlternatives& options,
             const LayerQuantizer& quantize, DistortionMeter& meter) {
    std::vector<Tensor> weights(contenders.size());
    tbb::parallel_for(std::size_t{0}, contenders.size(), [&](std::size_t i) {
        Contender& contender = contenders[i];
        const TransformCurves& curves = options[contender.option];
        const BlockLevels levels = quantize(layer, curves, contender.choice);
        contender.bits = level_bits(curves, contender.choice, levels);
        weights[i] = image(quantize_layer(curves, contender.choice, levels));
    });
    const std::vector<double> measured = meter.measure(weights.size(), [&](std::size_t i, std::span<float> target) {
        std::ranges::copy(weights[i].values(), target.begin());
    });
    for (std::size_t i = 0; i < measured.size(); ++i) contenders[i].measured_distortion = measured[i];
}

}  // namespace

void keep_cheapest_transforms(std::span<LayerAlternatives> curves, const Graph& graph, std::span<const Layer> layers,
                              ConstView images, double lambda, const LayerQuantizer& quantize,
                              const MeterOptions& options) {
    std::vector<std::vector<Contender>> contenders(layers.size());
    double predicted = 0.0;
    double measured = 0.0;
    for (std::size_t i = 0; i < layers.size(); ++i) {
        contenders[i] = contenders_of(curves[i], lambda);
        if (contenders[i].size() == 1) continue;
        DistortionMeter meter(graph, layers[i], images, options);
        measure(contenders[i], i, curves[i], quantize, meter);
        for (const Contender& contender : contenders[i]) {
            predicted += contender.choice.distortion;
            measured += contender.measured_distortion;
        }
    }
    const double trade_off = predicted > 0.0 ? lambda * measured / predicted : lambda;
    for (std::size_t i = 0; i < layers.size(); ++i) {
        const auto best = std::ranges::min_element(contenders[i], {}, [&](const Contender& contender) {
            return contender.measured_distortion + trade_off * contender.bits;
        });
        for (std::size_t option = 0; option < curves[i].size(); ++option) {
            curves[i][option].disabled = option != best->option;
        }
    }
}

}  // namespace eigenbit::internal
