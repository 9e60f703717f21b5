#pragma once

#include "report/svg_picture.h"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace eigenbit::internal {

struct PlotPoint {
    double x = 0.0;
    double y = 0.0;
    double standard_error = 0.0;  ///< of y, drawn as a whisker; 0 for none
};

struct PlotSeries {
    enum class Kind {
        curve,   ///< a line through marked points
        points,  ///< marked points by themselves
        single,  ///< a point that stands out, within a ring
        guide  ///< a dashed straight line through the first and the last point, from edge to edge, in a neutral colour
    };

    std::string name;  ///< may be empty for a guide, which then has no label
    Kind kind = Kind::curve;
    std::size_t style = 0;  ///< which colour and shape; the same number looks the same in every plot
    std::vector<PlotPoint> points;
};

struct PlotAxisOptions {
    std::string title;  ///< with the unit
    bool logarithmic = false;
    /// What lies under this is cut off, if anything does.
    std::optional<double> cut_below = std::nullopt;
};

struct LinePlot {
    std::string title;
    std::string description;  ///< for those who cannot see the plot
    PlotAxisOptions x;
    PlotAxisOptions y;
    std::vector<PlotSeries> series;
};

/// The plot as an <svg> element (stand_alone() makes a file of it), with a label beside each series. Points with a
/// coordinate that is not a number, or not above 0 on a logarithmic axis, are left out. Empty when no point is left.
Svg svg_line_plot(const LinePlot& plot);

}  // namespace eigenbit::internal
