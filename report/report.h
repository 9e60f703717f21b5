#pragma once

#include "engine/formats/ebit/size_ledger.h"

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace eigenbit::internal {

/// A number that is not known; plots leave it out and tables show a dash.
constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

/// A network compressed to one rate.
struct QualityPoint {
    double bits_per_weight = kUnknown;  ///< over the weights of the original layers, bases included
    double quality = kUnknown;          ///< in the report's unit
    double standard_error = kUnknown;   ///< of the quality
    std::int64_t file_bytes = 0;        ///< 0 where unknown
    double predicted_distortion = kUnknown;
    double measured_distortion = kUnknown;  ///< mean squared change of an output element
};

/// One way to compress at several rates; the rates rise.
struct TransformCurve {
    std::string name;  ///< "none", "elt row", "auto" …
    std::vector<QualityPoint> points;
};

/// Equation 11 in its two parts, in dB; they add up to the coding gain.
struct TransformGain {
    std::string transform;
    double gradients_db = 0.0;
    double weights_db = 0.0;
};

/// One layer of the network that was written.
struct LayerReport {
    std::string name;
    std::string transform;
    std::int64_t weights = 0;           ///< in the original layer
    double bits_per_weight = kUnknown;  ///< T and bases, over the original weights
    std::int64_t rows = 0;              ///< of T
    std::int64_t nonzero_rows = 0;
    double predicted_distortion = kUnknown;
    std::vector<double> coefficient_bits;         ///< bits a level of each block of T
    std::vector<std::vector<double>> basis_bits;  ///< the same of each block of every stored basis S
    std::vector<int> activation_depths;           ///< of its quantized inputs; empty where they are float
    std::vector<TransformGain> gains;             ///< of each transform that was tried
};

/// All that a report shows. What is empty or unknown is left out of it.
struct CompressionReport {
    std::string model;
    std::string quality_name = "top-1";
    std::string quality_unit = "%";  ///< "%" or "dB"
    double float_quality = kUnknown;
    std::int64_t float_bytes = 0;

    QualityPoint written;  ///< the network that was written
    std::vector<LayerReport> layers;
    SizeLedger sizes;  ///< of the file
    std::vector<TransformCurve> curves;

    std::string command;
    std::string data;     ///< which images the statistics and the quality come from, and how many
    std::string machine;  ///< processor and threads
    std::string version;
    double seconds = kUnknown;
};

}  // namespace eigenbit::internal
