#pragma once

#include "api/compression_judge.h"
#include "compress/compressor.h"
#include "engine/formats/ebit/levels.h"
#include "engine/graph/model.h"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

/// Notes that a compressed model carries (Model::metadata).
inline constexpr std::string_view kRateNote = "compression.rate_bits_per_weight";
inline constexpr std::string_view kWeightsNote = "compression.weights";  ///< of the original layers

/// What compression is to meet: one of these.
struct CompressionTarget {
    std::vector<double> rates{};  ///< bits a weight; several give several networks
    std::int64_t file_bytes = 0;  ///< the finest network whose file is not larger
    double max_drop = 0.0;        ///< the coarsest network that loses no more than these points of top-1 or dB
    double lambda = 0.0;          ///< the trade-off of distortion against bits
};

/// A network at one rate, with what it was measured to do.
struct CompressedPoint {
    std::string transform;     ///< the name that it was asked for by
    double wanted_rate = 0.0;  ///< of the target's rates; 0 for other targets
    CompressedNetwork network;
    double measured_distortion = 0.0;  ///< mean squared change of an output element on calibration images
    std::optional<Evaluation> quality{};
    Model packed{};  ///< what goes into the file: the network, what the model says of images and classes, notes
};

/// Compresses a model with the compressor's transforms, which `transform` names, until it meets the target; `visit`
/// gets each network as soon as it is there. `images` are those of the compressor. Throws Error where the target cannot
/// be met, or asks for a judge that has no data.
void compress_model(const Model& model, const Compressor& compressor, const std::string& transform,
                    const CompressionTarget& target, LevelStorage storage, ConstView images,
                    const CompressionJudge& judge, const std::function<void(CompressedPoint)>& visit);

}  // namespace eigenbit::internal
