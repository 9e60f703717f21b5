#pragma once

#include <string>
#include <vector>

namespace eigenbit::internal {

/// The values that one side of a plot spans, and those of them that get a label.
struct PlotAxis {
    struct Tick {
        double value = 0.0;
        std::string label;
    };

    double lower = 0.0;
    double upper = 1.0;
    bool logarithmic = false;
    std::vector<Tick> ticks;

    /// Where a value lies: 0 at the lower end, 1 at the upper.
    double position(double value) const;
    /// Whether a value is a number that lies on the axis, ends included.
    bool shows(double value) const;
};

/// An axis from one value to the other, both finite, with ticks at round values; a little wider when they are equal.
PlotAxis linear_axis(double lowest, double highest);

/// An axis from one of 1, 2 and 5 times a power of ten to another; both values must be finite and above 0.
PlotAxis logarithmic_axis(double lowest, double highest);

}  // namespace eigenbit::internal
