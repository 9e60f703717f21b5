#include "report/report_plots.h"

#include "report/number_text.h"
#include "report/svg_layer_bars.h"
#include "report/svg_layer_heat_map.h"
#include "report/svg_plot.h"
#include "report/svg_share_bars.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace eigenbit::internal {
namespace {

constexpr std::string_view kRateTitle = "rate, bits a weight";

std::vector<std::string> layer_names(const CompressionReport& report) {
    std::vector<std::string> names;
    for (const LayerReport& layer : report.layers) names.push_back(layer.name);
    return names;
}

bool any_measured(const CompressionReport& report) {
    return std::ranges::any_of(report.curves, [](const TransformCurve& curve) {
        return std::ranges::any_of(curve.points,
                                   [](const QualityPoint& p) { return std::isfinite(p.measured_distortion); });
    });
}

/// One series for each curve, its points made by `point_of`.
template <typename PointOf>
std::vector<PlotSeries> curve_series(const CompressionReport& report, PlotSeries::Kind kind, PointOf point_of) {
    std::vector<PlotSeries> all;
    for (std::size_t i = 0; i < report.curves.size(); ++i) {
        PlotSeries series{.name = report.curves[i].name, .kind = kind, .style = i, .points = {}};
        for (const QualityPoint& point : report.curves[i].points) series.points.push_back(point_of(point));
        all.push_back(std::move(series));
    }
    return all;
}

double mean_gain(const LayerBars::Panel& gains) {
    double sum = 0.0;
    int layers = 0;
    for (std::size_t layer = 0; layer < gains.values[0].size(); ++layer) {
        const double gain = gains.values[0][layer] + gains.values[1][layer];
        if (!std::isfinite(gain)) continue;
        sum += gain;
        ++layers;
    }
    return layers > 0 ? sum / layers : kUnknown;
}

}  // namespace

std::optional<double> quality_cut(const CompressionReport& report) {
    double cut = report.float_quality - (report.quality_unit == "dB" ? 6.0 : 20.0);
    if (report.written.quality < cut) cut = report.written.quality;
    for (const TransformCurve& curve : report.curves) {
        if (std::ranges::any_of(curve.points, [&](const QualityPoint& point) { return point.quality < cut; })) {
            return cut;
        }
    }
    return std::nullopt;
}

Svg rate_quality_svg(const CompressionReport& report) {
    LinePlot plot{.title = "Quality against rate",
                  .description =
                      fmt::format("{} in {} of {} compressed to several rates, one curve for each transform.",
                                  report.quality_name, report.quality_unit, report.model),
                  .x = {.title = std::string(kRateTitle)},
                  .y = {.title = fmt::format("{}, {}", report.quality_name, report.quality_unit),
                        .cut_below = quality_cut(report)},
                  .series = curve_series(report, PlotSeries::Kind::curve, [](const QualityPoint& point) {
                      return PlotPoint{point.bits_per_weight, point.quality, point.standard_error};
                  })};
    double rate = kUnknown;
    for (const PlotSeries& series : plot.series) {
        for (const PlotPoint& point : series.points) {
            if (std::isfinite(point.x) && std::isfinite(point.y)) rate = point.x;
        }
    }
    if (!std::isfinite(rate)) return {};
    const QualityPoint& written = report.written;
    plot.series.push_back({.name = "this file",
                           .kind = PlotSeries::Kind::single,
                           .points = {{written.bits_per_weight, written.quality, written.standard_error}}});
    plot.series.push_back({.name = "float", .kind = PlotSeries::Kind::guide, .points = {{rate, report.float_quality}}});
    return svg_line_plot(plot);
}

Svg rate_distortion_svg(const CompressionReport& report) {
    const bool measured = any_measured(report);
    const std::string_view kind = measured ? "Measured" : "Predicted";
    return svg_line_plot(
        {.title = "Distortion against rate",
         .description = fmt::format("{} mean squared change of an output element of {} at several rates, one curve for "
                                    "each transform, on a logarithmic scale.",
                                    kind, report.model),
         .x = {.title = std::string(kRateTitle)},
         .y = {.title = measured ? "measured distortion" : "predicted distortion", .logarithmic = true},
         .series = curve_series(report, PlotSeries::Kind::curve, [&](const QualityPoint& point) {
             return PlotPoint{point.bits_per_weight, measured ? point.measured_distortion : point.predicted_distortion};
         })});
}

Svg prediction_svg(const CompressionReport& report) {
    LinePlot plot{.title = "Predicted and measured distortion",
                  .description =
                      fmt::format("Measured against predicted distortion of {}, one point for each transform and rate, "
                                  "on logarithmic scales.",
                                  report.model),
                  .x = {.title = "predicted distortion", .logarithmic = true},
                  .y = {.title = "measured distortion", .logarithmic = true},
                  .series = curve_series(report, PlotSeries::Kind::points, [](const QualityPoint& point) {
                      return PlotPoint{point.predicted_distortion, point.measured_distortion};
                  })};
    double lowest = std::numeric_limits<double>::infinity();
    double highest = 0.0;
    for (const PlotSeries& series : plot.series) {
        for (const auto& [predicted, measured, error] : series.points) {
            if (!std::isfinite(predicted) || !std::isfinite(measured) || !(std::min(predicted, measured) > 0.0))
                continue;
            lowest = std::min({lowest, predicted, measured});
            highest = std::max({highest, predicted, measured});
        }
    }
    if (!std::isfinite(lowest)) return {};
    constexpr double close = 1.25;
    const auto guide = [&](std::string name, double factor) {
        const double from = lowest / close, to = highest * close;
        plot.series.push_back({.name = std::move(name),
                               .kind = PlotSeries::Kind::guide,
                               .points = {{from, from * factor}, {to, to * factor}}});
    };
    guide("equal", 1.0);
    guide("", close);
    guide("", 1.0 / close);
    return svg_line_plot(plot);
}

Svg bit_depth_svg(const CompressionReport& report) {
    LayerHeatMap map{.title = "Bits of every block",
                     .description =
                         fmt::format("A heat map of {}: layers from left to right, blocks from top to bottom, "
                                     "the coefficients T above the bases S.",
                                     report.model),
                     .scale = "bits a level",
                     .layers = layer_names(report),
                     .bands = {{"T", {}}}};
    std::size_t bases = 0;
    bool any = false;
    for (const LayerReport& layer : report.layers) {
        map.bands.front().values.push_back(layer.coefficient_bits);
        bases = std::max(bases, layer.basis_bits.size());
        any = any || !layer.coefficient_bits.empty() || !layer.basis_bits.empty();
    }
    if (!any) return {};
    for (std::size_t basis = 0; basis < bases; ++basis) {
        LayerHeatMap::Band band{basis == 0 ? "S" : "2nd S", {}};
        for (const LayerReport& layer : report.layers) {
            band.values.push_back(basis < layer.basis_bits.size() ? layer.basis_bits[basis] : std::vector<double>{});
        }
        map.bands.push_back(std::move(band));
    }
    return svg_layer_heat_map(map);
}

Svg coding_gain_svg(const CompressionReport& report) {
    LayerBars bars{.title = "Coding gain of every layer",
                   .description =
                       fmt::format("Coding gains of the layers of {} in dB, a panel for each transform, each "
                                   "bar split into the gradients' and the weights' part.",
                                   report.model),
                   .axis = "coding gain, dB",
                   .layers = layer_names(report),
                   .parts = {{"gradients", series_color(0)}, {"weights", series_color(4)}},
                   .panels = {}};
    const std::size_t layers = report.layers.size();
    for (std::size_t layer = 0; layer < layers; ++layer) {
        for (const TransformGain& gain : report.layers[layer].gains) {
            auto panel = std::ranges::find(bars.panels, gain.transform, &LayerBars::Panel::name);
            if (panel == bars.panels.end()) {
                bars.panels.push_back(
                    {.name = gain.transform,
                     .values = std::vector<std::vector<double>>(2, std::vector<double>(layers, kUnknown))});
                panel = bars.panels.end() - 1;
            }
            panel->values[0][layer] = gain.gradients_db;
            panel->values[1][layer] = gain.weights_db;
        }
    }
    for (LayerBars::Panel& panel : bars.panels) panel.note = fmt::format("mean {} dB", fixed_text(mean_gain(panel), 1));
    return bars.panels.empty() ? Svg{} : svg_layer_bars(bars);
}

Svg nonzero_rows_svg(const CompressionReport& report) {
    LayerBars bars{.title = "Non-zero rows of every layer",
                   .description =
                       fmt::format("The share of rows of T that are not zero in each layer of {}.", report.model),
                   .axis = "rows of T, %",
                   .layers = layer_names(report),
                   .parts = {{"non-zero", series_color(0)}, {"zero, left out", kFaint}},
                   .panels = {{.values = std::vector<std::vector<double>>(2)}}};
    bool any = false;
    for (const LayerReport& layer : report.layers) {
        const double share = layer.rows > 0
                                 ? 100.0 * static_cast<double>(layer.nonzero_rows) / static_cast<double>(layer.rows)
                                 : kUnknown;
        bars.panels[0].values[0].push_back(share);
        bars.panels[0].values[1].push_back(100.0 - share);
        any = any || layer.rows > 0;
    }
    return any ? svg_layer_bars(bars) : Svg{};
}

Svg size_svg(const CompressionReport& report) {
    constexpr std::array order{
        SizeCategory::kernel_levels,    SizeCategory::basis_levels, SizeCategory::side_information,
        SizeCategory::float_parameters, SizeCategory::graph,        SizeCategory::metadata,
        SizeCategory::header,           SizeCategory::padding};
    static_assert(order.size() == kSizeCategories);
    const std::int64_t total = report.sizes.total();
    if (total <= 0) return {};
    ShareBars bars{.title = fmt::format("The {} of the file", bytes_text(total)),
                   .description = fmt::format("The bytes of the file of {} by what they are spent on.", report.model),
                   .parts = {}};
    for (const SizeCategory category : order) {
        const std::int64_t bytes = report.sizes.total(category);
        bars.parts.push_back({std::string(to_string(category)), static_cast<double>(bytes), bytes_text(bytes)});
    }
    return svg_share_bars(bars);
}

}  // namespace eigenbit::internal
