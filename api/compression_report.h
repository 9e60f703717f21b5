#pragma once

#include "api/compression.h"
#include "engine/formats/ebit/size_ledger.h"
#include "report/report.h"

#include <span>

namespace eigenbit::internal {

/// A compressed network without its weights, and what its file's bytes are spent on.
struct ReportedPoint {
    CompressedPoint point;
    SizeLedger sizes;
};

/// What a report shows of all these networks, those of one transform after each other; its layers are those of the
/// last.
CompressionReport make_report(std::span<const ReportedPoint> points, const CompressionJudge& judge);

}  // namespace eigenbit::internal
