#pragma once

#include "api/compression.h"
#include "engine/formats/ebit/size_ledger.h"
#include "report/report.h"

#include <filesystem>
#include <span>

namespace eigenbit::internal {

/// A compressed network that has been written, and what its file's bytes are spent on.
struct WrittenPoint {
    CompressedPoint point;
    std::filesystem::path file;
    SizeLedger sizes;
};

/// What a report shows of all these networks, those of one transform after each other; its layers are those of the
/// last. `original` is the float network's file.
CompressionReport make_report(std::span<const WrittenPoint> points, const CompressionJudge& judge,
                              const std::filesystem::path& original);

}  // namespace eigenbit::internal
