#include "report/svg_plot.h"

#include "report/plot_axis.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <numeric>

namespace eigenbit::internal {
namespace {

constexpr double kWidth = 420.0;
constexpr double kHeight = 336.0;
constexpr double kMarkerRadius = 3.6;
constexpr double kLabelSpacing = 18.0;
constexpr double kLabelIndent = 36.0;  // from the frame's edge to a label's text

/// The rectangle that the axes enclose.
struct Frame {
    PlotAxis x;
    PlotAxis y;
    double left = 0.0;
    double right = 0.0;
    double width = kWidth;  // of the whole picture, labels included
    double top = 48.0;
    double bottom = kHeight - 44.0;

    PlotPosition position(double horizontal, double vertical) const {
        return {left + x.position(horizontal) * (right - left), bottom - y.position(vertical) * (bottom - top)};
    }
    PlotPosition position(const PlotPoint& point) const { return position(point.x, point.y); }
    bool shows(const PlotPoint& point) const { return x.shows(point.x) && y.shows(point.y); }
};

bool drawable(double value, const PlotAxisOptions& axis) {
    return std::isfinite(value) && (!axis.logarithmic || value > 0.0);
}

void drop_undrawable(LinePlot& plot) {
    for (PlotSeries& series : plot.series) {
        std::erase_if(series.points,
                      [&](const PlotPoint& point) { return !drawable(point.x, plot.x) || !drawable(point.y, plot.y); });
    }
    std::erase_if(plot.series, [](const PlotSeries& series) { return series.points.empty(); });
}

PlotAxis axis_of(const LinePlot& plot, const PlotAxisOptions& options, double PlotPoint::*coordinate) {
    double lowest = std::numeric_limits<double>::infinity();
    double highest = -lowest;
    for (const PlotSeries& series : plot.series) {
        for (const PlotPoint& point : series.points) {
            lowest = std::min(lowest, point.*coordinate);
            highest = std::max(highest, point.*coordinate);
        }
    }
    if (options.cut_below && *options.cut_below < highest) lowest = std::max(lowest, *options.cut_below);
    if (options.logarithmic) return logarithmic_axis(lowest, highest);
    const double margin = 0.04 * (highest - lowest);
    return linear_axis(lowest - margin, highest + margin);
}

Frame frame_of(const LinePlot& plot) {
    Frame frame{.x = axis_of(plot, plot.x, &PlotPoint::x), .y = axis_of(plot, plot.y, &PlotPoint::y)};
    double ticks = 0.0;
    for (const PlotAxis::Tick& tick : frame.y.ticks) ticks = std::max(ticks, text_width(tick.label));
    double labels = 0.0;
    for (const PlotSeries& series : plot.series) labels = std::max(labels, text_width(series.name));
    frame.left = ticks + 8.0;
    const double margin = labels > 0.0 ? labels + kLabelIndent : 10.0;
    frame.right = std::max(kWidth - margin, 0.55 * kWidth);
    frame.width = frame.right + margin;
    return frame;
}

void draw_axes(SvgPicture& picture, const Frame& frame, const LinePlot& plot) {
    for (const PlotAxis::Tick& tick : frame.y.ticks) {
        const double y = frame.position(frame.x.lower, tick.value).y;
        picture.line({frame.left, y}, {frame.right, y}, kFaint);
        picture.text({frame.left - 6.0, y + 4.0}, tick.label, {.color = kSoft, .anchor = "end"});
    }
    for (const PlotAxis::Tick& tick : frame.x.ticks) {
        const double x = frame.position(tick.value, frame.y.lower).x;
        picture.line({x, frame.bottom}, {x, frame.bottom + 4.0}, kSoft);
        picture.text({x, frame.bottom + 18.0}, tick.label, {.color = kSoft, .anchor = "middle"});
    }
    picture.line({frame.left, frame.bottom}, {frame.right, frame.bottom}, kSoft);
    picture.text({0.0, 36.0}, plot.y.title);
    picture.text({0.5 * (frame.left + frame.right), frame.bottom + 38.0}, plot.x.title, {.anchor = "middle"});
}

/// A filled shape for each style, so that colour is not all that tells series apart: five shapes, six colours.
std::string marker(PlotPosition at, std::size_t style, double radius = kMarkerRadius) {
    struct Offset {
        double x, y;
    };
    static const std::array<std::vector<Offset>, 4> polygons = {{
        {{-0.9, -0.9}, {0.9, -0.9}, {0.9, 0.9}, {-0.9, 0.9}},  // a square
        {{0, -1.3}, {1.3, 0}, {0, 1.3}, {-1.3, 0}},            // a diamond
        {{0, -1.2}, {1.2, 0.9}, {-1.2, 0.9}},                  // a triangle
        {{0, 1.2}, {1.2, -0.9}, {-1.2, -0.9}},                 // a triangle upside down
    }};
    const std::size_t shape = style % (polygons.size() + 1);
    if (shape == 0) {
        return fmt::format("M{0:.1f} {1:.1f}a{2} {2} 0 1 0 {3} 0a{2} {2} 0 1 0 -{3} 0z", at.x - radius, at.y, radius,
                           2.0 * radius);
    }
    std::string path;
    for (const Offset& corner : polygons[shape - 1]) {
        fmt::format_to(std::back_inserter(path), "{}{:.1f} {:.1f}", path.empty() ? 'M' : 'L', at.x + radius * corner.x,
                       at.y + radius * corner.y);
    }
    return path + 'z';
}

std::string polyline(const std::vector<PlotPosition>& corners) {
    std::string path;
    for (const PlotPosition& corner : corners) {
        fmt::format_to(std::back_inserter(path), "{}{:.1f} {:.1f}", path.empty() ? 'M' : 'L', corner.x, corner.y);
    }
    return path;
}

/// A guide's two ends on the left and the right edge, or beyond the lower and the upper one.
struct GuideEnds {
    PlotPosition left;
    PlotPosition right;
};

GuideEnds guide_ends(const PlotSeries& guide, const Frame& frame) {
    const PlotPosition from = frame.position(guide.points.front());
    const PlotPosition to = frame.position(guide.points.back());
    const double slope = to.x == from.x ? 0.0 : (to.y - from.y) / (to.x - from.x);
    return {{frame.left, from.y + slope * (frame.left - from.x)},
            {frame.right, from.y + slope * (frame.right - from.x)}};
}

void draw_lines(SvgPicture& picture, const PlotSeries& series, const Frame& frame) {
    if (series.kind == PlotSeries::Kind::guide) {
        const GuideEnds ends = guide_ends(series, frame);
        picture.line(ends.left, ends.right, kSoft, {.width = series.name.empty() ? 0.75 : 1.25, .dashed = true});
        return;
    }
    const PlotColor color = series_color(series.style);
    if (series.kind == PlotSeries::Kind::curve) {
        std::vector<PlotPosition> corners;
        for (const PlotPoint& point : series.points) corners.push_back(frame.position(point));
        picture.stroke_path(polyline(corners), color, {.width = 2.0});
    }
    for (const PlotPoint& point : series.points) {
        if (!(point.standard_error > 0.0) || !drawable(point.standard_error, {})) continue;
        const PlotPosition low = frame.position(point.x, point.y - point.standard_error);
        const PlotPosition high = frame.position(point.x, point.y + point.standard_error);
        if (std::isfinite(low.y)) picture.line(low, high, color, {.width = 1.5});
    }
}

void draw_marker(SvgPicture& picture, PlotPosition at, const PlotSeries& series, std::string_view tooltip) {
    if (series.kind == PlotSeries::Kind::single) {
        picture.stroke_path(marker(at, 0, 6.5), kInk, {.width = 1.5});
        picture.fill_path(marker(at, 0, 2.5), kInk, tooltip);
    } else {
        picture.fill_path(marker(at, series.style), series_color(series.style), tooltip);
    }
}

void draw_markers(SvgPicture& picture, const PlotSeries& series, const Frame& frame) {
    if (series.kind == PlotSeries::Kind::guide) return;
    for (const PlotPoint& point : series.points) {
        if (!frame.shows(point)) continue;
        draw_marker(picture, frame.position(point), series,
                    fmt::format("{}: {:.4g}, {:.4g}", series.name, point.x, point.y));
    }
}

/// Where each series ends, which is where its label would best be.
PlotPosition end_of(const PlotSeries& series, const Frame& frame) {
    PlotPosition end =
        series.kind == PlotSeries::Kind::guide ? guide_ends(series, frame).right : frame.position(series.points.back());
    if (series.kind == PlotSeries::Kind::points) end.y = frame.top;
    end.y = std::clamp(end.y, frame.top, frame.bottom);
    return end;
}

/// Labels to the right of the frame, at the height of the series' ends but a line apart.
void draw_labels(SvgPicture& picture, const std::vector<PlotSeries>& all, const Frame& frame) {
    std::vector<const PlotSeries*> series;
    for (const PlotSeries& one : all) {
        if (!one.name.empty()) series.push_back(&one);
    }
    std::ranges::stable_sort(series, {}, [&](const PlotSeries* one) { return end_of(*one, frame).y; });
    std::vector<double> heights;
    for (const PlotSeries* one : series) {
        const double height = end_of(*one, frame).y;
        heights.push_back(heights.empty() ? height : std::max(height, heights.back() + kLabelSpacing));
    }
    double limit = frame.bottom;
    for (std::size_t i = heights.size(); i-- > 0; limit = heights[i] - kLabelSpacing) {
        heights[i] = std::min(heights[i], limit);
    }
    for (std::size_t i = 0; i < series.size(); ++i) {
        const PlotPosition end = end_of(*series[i], frame);
        const PlotPosition icon{frame.right + kLabelIndent - 13.0, heights[i]};
        if (series[i]->kind == PlotSeries::Kind::guide) {
            picture.line({icon.x - 9.0, icon.y}, {icon.x + 7.0, icon.y}, kSoft, {.width = 1.25, .dashed = true});
        } else {
            const bool follows = series[i]->kind == PlotSeries::Kind::curve && end.x > frame.left;
            if (follows) picture.line(end, icon, series_color(series[i]->style), {.width = 0.75});
            draw_marker(picture, icon, *series[i], "");
        }
        picture.text({frame.right + kLabelIndent, icon.y + 4.0}, series[i]->name);
    }
}

}  // namespace

Svg svg_line_plot(const LinePlot& plot) {
    LinePlot drawn = plot;
    drop_undrawable(drawn);
    if (drawn.series.empty()) return {};
    const Frame frame = frame_of(drawn);
    SvgPicture picture(plot.title, plot.description);
    draw_axes(picture, frame, plot);
    picture.begin_clip({frame.left, frame.top - 4.0}, frame.right - frame.left, frame.bottom - frame.top + 4.0);
    for (const PlotSeries& series : drawn.series) draw_lines(picture, series, frame);
    picture.end_clip();
    for (const PlotSeries& series : drawn.series) draw_markers(picture, series, frame);
    draw_labels(picture, drawn.series, frame);
    return std::move(picture).finish(frame.width, kHeight);
}

}  // namespace eigenbit::internal
