#include "report/svg_layer_bars.h"

#include "report/layer_columns.h"
#include "report/plot_axis.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace eigenbit::internal {
namespace {

constexpr double kPanelHeight = 120.0;
constexpr double kPanelGap = 34.0;

/// The heights that a layer's bars reach above and below zero.
struct Reach {
    double above = 0.0;
    double below = 0.0;

    /// Stacks a value on the bar so far, and returns where it begins.
    double stack(double value) {
        double& end = value < 0.0 ? below : above;
        const double begin = end;
        end += value;
        return begin;
    }
};

PlotAxis common_axis(const LayerBars& bars) {
    Reach all;
    for (const LayerBars::Panel& panel : bars.panels) {
        for (std::size_t layer = 0; layer < bars.layers.size(); ++layer) {
            Reach reach;
            for (const std::vector<double>& part : panel.values) {
                if (std::isfinite(part[layer])) reach.stack(part[layer]);
            }
            all.above = std::max(all.above, reach.above);
            all.below = std::min(all.below, reach.below);
        }
    }
    return linear_axis(all.below, all.above);
}

void draw_legend(SvgPicture& picture, const LayerBars& bars, double left) {
    picture.text({0.0, 36.0}, bars.axis);
    double x = std::max(left, text_width(bars.axis) + 20.0);
    for (const LayerBars::Part& part : bars.parts) {
        picture.rectangle({x, 26.0}, 11.0, 11.0, part.color);
        picture.text({x + 16.0, 36.0}, part.name);
        x += text_width(part.name) + 36.0;
    }
}

void draw_panel(SvgPicture& picture, const LayerBars& bars, const LayerBars::Panel& panel, const LayerColumns& columns,
                const PlotAxis& axis, double top) {
    const auto height = [&](double value) { return top + kPanelHeight * (1.0 - axis.position(value)); };
    for (const PlotAxis::Tick& tick : axis.ticks) {
        const double y = height(tick.value);
        picture.line({columns.left(), y}, {columns.right(), y}, tick.value == 0.0 ? kSoft : kFaint);
        picture.text({columns.left() - 6.0, y + 4.0}, tick.label, {.color = kSoft, .anchor = "end"});
    }
    if (!panel.name.empty()) {
        picture.text({columns.left(), top - 8.0}, panel.name, {.bold = true});
        picture.text({columns.left() + text_width(panel.name) + 24.0, top - 8.0}, panel.note, {.color = kSoft});
    }
    const double bar_width = 0.7 * columns.step();
    for (std::size_t layer = 0; layer < columns.count(); ++layer) {
        Reach reach;
        for (std::size_t part = 0; part < panel.values.size(); ++part) {
            const double value = panel.values[part][layer];
            if (!std::isfinite(value) || value == 0.0) continue;
            const double begin = height(reach.stack(value));
            const double end = begin - kPanelHeight * value / (axis.upper - axis.lower);
            const std::string tooltip = fmt::format("{}{}{}: {} {:.4g}", panel.name, panel.name.empty() ? "" : ", ",
                                                    columns.name(layer), bars.parts[part].name, value);
            picture.rectangle({columns.center(layer) - 0.5 * bar_width, std::min(begin, end)}, bar_width,
                              std::abs(end - begin), bars.parts[part].color, 1.0, tooltip);
        }
    }
}

}  // namespace

Svg svg_layer_bars(const LayerBars& bars) {
    SvgPicture picture(bars.title, bars.description);
    const LayerColumns columns(bars.layers);
    const PlotAxis axis = common_axis(bars);
    draw_legend(picture, bars, columns.left());
    double top = 54.0;
    for (const LayerBars::Panel& panel : bars.panels) {
        if (!panel.name.empty()) top += 16.0;
        draw_panel(picture, bars, panel, columns, axis, top);
        top += kPanelHeight + kPanelGap - 16.0;
    }
    const double end = columns.draw_names(picture, top - kPanelGap + 16.0);
    return std::move(picture).finish(columns.width(), end);
}

}  // namespace eigenbit::internal
