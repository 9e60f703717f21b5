#pragma once

#include "cli/compression_judge.h"
#include "compress/compressor.h"
#include "compress/report/report.h"

#include <filesystem>
#include <optional>
#include <span>
#include <string>

namespace eigenbit {

/// A network at one rate, with what it was measured to do.
struct CompressedPoint {
    std::string transform;
    CompressedNetwork network;
    std::optional<Evaluation> quality;
    double measured_distortion = kUnknown;  ///< mean squared change of an output element on calibration images
    std::filesystem::path file;
    SizeLedger sizes;
};

/// What a report shows of all these networks, those of one transform after each other; its layers are those of the
/// last. `original` is the float network's file.
CompressionReport make_report(std::span<const CompressedPoint> points, const CompressionJudge& judge,
                              const std::filesystem::path& original);

}  // namespace eigenbit
