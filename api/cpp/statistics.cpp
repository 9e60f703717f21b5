#include "include/eigenbit/statistics.hpp"

#include "api/calibration.h"
#include "api/cpp/state.h"
#include "compress/statistics/network_statistics.h"

#include <algorithm>
#include <cmath>

namespace eigenbit {
inline namespace v1 {
namespace {

double decibels(double power_ratio) { return 10.0 * std::log10(power_ratio); }

MomentSpectrum spectrum_of(const internal::MomentSpectrum& moments) {
    return {.eigenvalues = moments.eigenvalues,
            .trace = moments.trace(),
            .condition = moments.condition(),
            .spread_db = decibels(moments.spread())};
}

CodingGain gain_of(const internal::CodingGain& gain) {
    return {.gradients_db = decibels(gain.gradients), .weights_db = decibels(gain.weights)};
}

Histogram histogram_of(const internal::Histogram& histogram) {
    const auto& counts = histogram.counts();
    const auto filled = [](std::int64_t count) { return count > 0; };
    const auto first = std::ranges::find_if(counts, filled) - counts.begin();
    const auto end = std::find_if(counts.rbegin(), counts.rend(), filled).base() - counts.begin();
    return {.first_edge = histogram.edge(first),
            .bin_width = histogram.bin_width(),
            .counts = {counts.begin() + first, counts.begin() + end}};
}

LayerStatistics layer_of(const internal::LayerStatistics& layer) {
    const internal::ActivationStatistics& input = layer.input;
    LayerStatistics result{.name = layer.name,
                           .shape = extents_of(layer.shape),
                           .input = {.least = input.least,
                                     .greatest = input.greatest,
                                     .mean = input.mean,
                                     .variance = input.variance,
                                     .clipping_low = input.clipping.low,
                                     .clipping_high = input.clipping.high,
                                     .histogram = histogram_of(input.histogram)}};
    for (const internal::AxisStatistics& axis : layer.axes) {
        result.axes.push_back({.axis = std::string(to_string(axis.axis)),
                               .weights = spectrum_of(axis.weights),
                               .gradients = spectrum_of(axis.gradients),
                               .klt = gain_of(axis.klt),
                               .elt = gain_of(axis.elt)});
    }
    return result;
}

/// Adds arrays, or else the images of the data, to the statistics. Returns how many examples there were.
std::int64_t add_examples(internal::NetworkStatistics& statistics, const internal::Tensor& arrays,
                          const internal::Model& model, const Dataset::State& data, const StatisticsOptions& options) {
    std::int64_t images = 0;
    const auto add = [&](internal::ConstView batch) {
        statistics.add(batch);
        images += batch.shape[0];
        if (options.on_progress) options.on_progress(images);
    };
    if (!arrays.empty()) {
        constexpr std::int64_t kBatch = 64;
        const std::int64_t count = arrays.shape()[0];
        while (images < count) add(arrays.view().slice(images, std::min(images + kBatch, count)));
    } else {
        for_each_calibration_batch(data.images_for(model), options.images, options.seed,
                                   [&](internal::ConstView batch, std::int64_t, std::int64_t) { add(batch); });
    }
    return images;
}

}  // namespace

NetworkStatistics statistics(const Model& model, const Dataset& data, const StatisticsOptions& options) {
    return translated(options.threads, options.log, [&] {
        const internal::Model& own = model.state().model;
        const internal::Examples arrays =
            data.is_arrays() ? data.state().examples_for(own, options.images, options.seed) : internal::Examples{};
        internal::NetworkStatistics sums(arrays.joined ? arrays.joined->graph() : own.graph,
                                         {.seed = options.seed, .memory_bytes = options.memory_bytes});
        NetworkStatistics result{.images = add_examples(sums, arrays.values, own, data.state(), options)};
        for (const internal::LayerStatistics& layer : sums.finish()) result.layers.push_back(layer_of(layer));
        return result;
    });
}

}  // namespace v1
}  // namespace eigenbit
