#pragma once

#include "report/svg_picture.h"

#include <string>
#include <vector>

namespace eigenbit::internal {

/// Stacked bars for every layer of a network, in one panel or several below each other with the same scale. Bars of
/// negative values hang from zero.
struct LayerBars {
    struct Part {
        std::string name;
        PlotColor color;
    };
    struct Panel {
        std::string name = "";                    ///< may be empty
        std::string note = "";                    ///< drawn after the name
        std::vector<std::vector<double>> values;  ///< by part, by layer; what is not a number has no bar
    };

    std::string title;
    std::string description;
    std::string axis;  ///< what the height is, with its unit
    std::vector<std::string> layers;
    std::vector<Part> parts;
    std::vector<Panel> panels;
};

/// An <svg> element whose width grows with the number of layers.
Svg svg_layer_bars(const LayerBars& bars);

}  // namespace eigenbit::internal
