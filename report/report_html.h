#pragma once

#include "report/report.h"

#include <filesystem>
#include <string>

namespace eigenbit::internal {

/// A report as one HTML page that needs nothing else: no scripts, no other files. It follows the reader's light or dark
/// setting, and can be printed. Sections without data are left out.
std::string report_html(const CompressionReport& report);

/// Writes that page, whole or not at all. Throws Error naming the file when that fails.
void write_report(const CompressionReport& report, const std::filesystem::path& path);

/// Writes the plot of quality against rate alone, as an .svg file. Throws Error when there is nothing to plot, or when
/// writing fails.
void write_rate_quality_plot(const CompressionReport& report, const std::filesystem::path& path);

}  // namespace eigenbit::internal
