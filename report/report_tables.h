#pragma once

#include "report/report.h"

#include <string>

namespace eigenbit::internal {

/// The numbers of a report as HTML tables; empty where it has none.

/// Every curve's points.
std::string curves_table(const CompressionReport& report);
/// Every layer's choice, rate, depths, rows and distortion.
std::string layers_table(const CompressionReport& report);
/// Every layer's coding gains under each transform, in dB.
std::string gains_table(const CompressionReport& report);

}  // namespace eigenbit::internal
