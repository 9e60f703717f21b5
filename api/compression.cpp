#include "api/compression.h"

#include "compress/allocation/rate_search.h"
#include "compress/statistics/output_distortion.h"
#include "engine/base/error.h"
#include "engine/base/warning.h"
#include "engine/formats/ebit/ebit.h"

#include <algorithm>
#include <functional>
#include <numeric>

namespace eigenbit::internal {
namespace {

constexpr double kLargestShare = 0.5;          // of the outputs' variance, that goes without a warning
constexpr std::int64_t kMeasuredImages = 256;  // of the calibration images, for the distortion that really results

Model packed_model(const CompressedNetwork& network, const Model& original, const std::string& transform) {
    Model model{network.graph, original.preprocessing, original.classes, original.metadata};
    model.metadata[std::string(kRateNote)] = fmt::format("{:.6g}", network.bits_per_weight);
    model.metadata[std::string(kWeightsNote)] = std::to_string(network.weights);
    model.metadata["compression.lambda"] = fmt::format("{:.6g}", network.lambda);
    model.metadata["compression.transform"] = transform;
    return model;
}

CompressedNetwork within_bytes(const Model& model, const Compressor& compressor, const std::string& transform,
                               std::int64_t most, LevelStorage storage) {
    double bytes = 0.0;
    auto network = finest_within(compressor, 8.0 * static_cast<double>(most), [&](const CompressedNetwork& candidate) {
        bytes = static_cast<double>(encode_ebit(packed_model(candidate, model, transform), storage).bytes.size());
        return 8.0 * bytes;
    });
    if (!network) {
        fail("A file of {} bytes cannot be met: even at {:.2g} bits a weight it has {}.", most,
             std::max(kLowestRate, compressor.lowest_rate()), bytes);
    }
    return *std::move(network);
}

CompressedNetwork within_drop(const Compressor& compressor, double most, const CompressionJudge& judge) {
    if (!judge.present()) fail("A largest loss needs data to measure on.");
    double drop = 0.0;
    auto network = coarsest_acceptable(compressor, [&](const CompressedNetwork& candidate) {
        drop = judge.drop(*judge(candidate.graph));
        return drop <= most;
    });
    if (!network) fail("A loss of {} cannot be met: even {} bits a weight lose {:.2f}.", most, kHighestRate, drop);
    return *std::move(network);
}

/// The layers whose weights alone disturb the outputs most, as a list of names.
std::string costliest_layers(const Graph& original, const Graph& compressed, ConstView images) {
    constexpr std::int64_t kFewImages = 8;
    constexpr std::size_t kShown = 3;
    const std::vector<Layer> layers = find_layers(original);
    const std::vector<double> costs =
        layer_distortions(original, compressed, images.slice(0, std::min(images.shape[0], kFewImages)));
    std::vector<std::size_t> order(layers.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, std::greater{}, [&](std::size_t i) { return costs[i]; });
    order.resize(std::min(order.size(), kShown));
    std::vector<std::string> names;
    for (const std::size_t i : order) names.push_back("'" + original.nodes()[layers[i].node].name + "'");
    return joined(names);
}

}  // namespace

void compress_model(const Model& model, const Compressor& compressor, const std::string& transform,
                    const CompressionTarget& target, LevelStorage storage, ConstView images,
                    const CompressionJudge& judge, const std::function<void(CompressedPoint)>& visit) {
    const ConstView measured = images.slice(0, std::min(images.shape[0], kMeasuredImages));
    const double variance = output_variance(model.graph, measured);
    const auto add = [&](CompressedNetwork network, double rate) {
        CompressedPoint point{.transform = transform, .wanted_rate = rate, .network = std::move(network)};
        point.measured_distortion = output_distortion(model.graph, point.network.graph, measured);
        if (point.measured_distortion > kLargestShare * variance) {
            warn("At {:.3g} bits a weight the network's outputs for the calibration images differ from those in floats "
                 "by {:.0f} % of their variance. The layers that cost most: {}.",
                 point.network.bits_per_weight, 100.0 * point.measured_distortion / variance,
                 costliest_layers(model.graph, point.network.graph, measured));
        }
        point.quality = judge(point.network.graph);
        point.packed = packed_model(point.network, model, transform);
        visit(std::move(point));
    };
    if (target.file_bytes > 0) {
        add(within_bytes(model, compressor, transform, target.file_bytes, storage), 0.0);
    } else if (target.max_drop > 0.0) {
        add(within_drop(compressor, target.max_drop, judge), 0.0);
    } else if (target.lambda > 0.0) {
        add(compressor.at_lambda(target.lambda), 0.0);
    } else {
        for (const double rate : target.rates) add(compressor.at_rate(rate), rate);
    }
}

}  // namespace eigenbit::internal
