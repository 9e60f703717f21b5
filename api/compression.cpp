#include "api/compression.h"

#include "compress/allocation/rate_search.h"
#include "compress/statistics/output_distortion.h"
#include "engine/base/error.h"
#include "engine/formats/ebit/ebit.h"

#include <algorithm>

namespace eigenbit::internal {
namespace {

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

}  // namespace

void compress_model(const Model& model, const Compressor& compressor, const std::string& transform,
                    const CompressionTarget& target, LevelStorage storage, ConstView images,
                    const CompressionJudge& judge, const std::function<void(CompressedPoint)>& visit) {
    const ConstView measured = images.slice(0, std::min(images.shape[0], kMeasuredImages));
    const auto add = [&](CompressedNetwork network, double rate) {
        CompressedPoint point{.transform = transform, .wanted_rate = rate, .network = std::move(network)};
        point.measured_distortion = output_distortion(model.graph, point.network.graph, measured);
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
