#pragma once

#include "report/svg_picture.h"

#include <string>
#include <vector>

namespace eigenbit::internal {

/// A column of cells for every layer, in bands above each other; the denser the colour, the larger the value. Zero has
/// an outline only. Values are 0 or more.
struct LayerHeatMap {
    struct Band {
        std::string name;
        std::vector<std::vector<double>> values;  ///< by layer, from the top; a layer may have fewer cells, or none
    };

    std::string title;
    std::string description;
    std::string scale;  ///< what the colour means, with its unit
    std::vector<std::string> layers;
    std::vector<Band> bands;
};

/// An <svg> element whose width grows with the number of layers.
Svg svg_layer_heat_map(const LayerHeatMap& map);

}  // namespace eigenbit::internal
