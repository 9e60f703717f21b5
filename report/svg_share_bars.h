#pragma once

#include "report/svg_picture.h"

#include <string>
#include <vector>

namespace eigenbit::internal {

/// The parts of a whole as bars below each other, each with its name, value and share written beside it.
struct ShareBars {
    struct Part {
        std::string name;
        double value = 0.0;
        std::string label;  ///< the value for reading, with its unit
    };

    std::string title;
    std::string description;
    std::vector<Part> parts;
};

/// An <svg> element. Parts of value 0 are left out.
Svg svg_share_bars(const ShareBars& bars);

}  // namespace eigenbit::internal
