#pragma once

#include "report/report.h"
#include "report/svg_picture.h"

#include <optional>
#include <string>

namespace eigenbit::internal {

/// The plots of a report as <svg> elements; empty where the report has nothing to show in them.

/// Quality against rate for every transform, with the float network's quality and the network that was written.
Svg rate_quality_svg(const CompressionReport& report);
/// The quality under which that plot is cut off, if any point lies there: 20 points or 6 dB under the float network, or
/// that of the network that was written.
std::optional<double> quality_cut(const CompressionReport& report);
/// Measured distortion against rate; predicted distortion where none was measured.
Svg rate_distortion_svg(const CompressionReport& report);
Svg prediction_svg(const CompressionReport& report);

/// Bits a level of every layer's blocks, T above S: Fig. 1b of Young et al.
Svg bit_depth_svg(const CompressionReport& report);
/// Gradient and weight part of every layer's coding gains, a panel for each transform: Fig. 3.
Svg coding_gain_svg(const CompressionReport& report);
/// The share of rows of T that are not zero: Fig. 7.
Svg nonzero_rows_svg(const CompressionReport& report);

Svg size_svg(const CompressionReport& report);

}  // namespace eigenbit::internal
