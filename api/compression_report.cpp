#include "api/compression_report.h"

#include "evaluation/metrics.h"

#include <algorithm>
#include <cmath>

namespace eigenbit::internal {
namespace {

double decibels(double power_ratio) { return 10.0 * std::log10(power_ratio); }

QualityPoint quality_point(const ReportedPoint& reported) {
    const CompressedPoint& point = reported.point;
    QualityPoint result{.bits_per_weight = point.network.bits_per_weight,
                        .file_bytes = reported.sizes.total(),
                        .predicted_distortion = point.network.distortion,
                        .measured_distortion = point.measured_distortion};
    if (!point.quality) return result;
    result.quality = point.quality->points();
    if (point.quality->classification) {
        result.standard_error = 100.0 * standard_error(point.quality->classification->top1, point.quality->images);
    }
    return result;
}

LayerReport layer_report(const LayerSummary& layer) {
    LayerReport report{.name = layer.name,
                       .transform = to_string(layer.transform),
                       .weights = layer.weights,
                       .bits_per_weight = layer.bits_per_weight,
                       .rows = layer.rows,
                       .nonzero_rows = layer.nonzero_rows,
                       .predicted_distortion = layer.distortion,
                       .coefficient_bits = layer.coefficient_bits,
                       .basis_bits = layer.basis_bits,
                       .activation_depths = layer.activation_depths,
                       .gains = {}};
    for (const LayerGain& gain : layer.gains) {
        report.gains.push_back({to_string(gain.transform), decibels(gain.gain.gradients), decibels(gain.gain.weights)});
    }
    return report;
}

}  // namespace

CompressionReport make_report(std::span<const ReportedPoint> points, const CompressionJudge& judge) {
    CompressionReport report;
    if (judge.present()) {
        report.float_quality = judge.float_quality().points();
        if (judge.float_quality().restoration) {
            report.quality_name = "PSNR";
            report.quality_unit = "dB";
        }
    }
    for (const ReportedPoint& reported : points) {
        if (report.curves.empty() || report.curves.back().name != reported.point.transform) {
            report.curves.push_back({reported.point.transform, {}});
        }
        report.curves.back().points.push_back(quality_point(reported));
    }
    for (TransformCurve& curve : report.curves) {
        std::ranges::sort(curve.points, {}, &QualityPoint::bits_per_weight);
    }
    report.written = quality_point(points.back());
    report.sizes = points.back().sizes;
    for (const LayerSummary& layer : points.back().point.network.layers) report.layers.push_back(layer_report(layer));
    return report;
}

}  // namespace eigenbit::internal
