#include "report/plot_axis.h"

#include "report/number_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace eigenbit::internal {
namespace {

/// 1, 2 or 5 times a power of ten.
struct RoundNumber {
    int mantissa = 1;
    int exponent = 0;

    double value() const { return mantissa * std::pow(10.0, exponent); }
    std::string digits() const { return fixed_text(value(), std::max(0, -exponent)); }
    std::string scientific() const {
        return mantissa == 1 ? power_of_ten_text(exponent)
                             : fmt::format("{}·{}", mantissa, power_of_ten_text(exponent));
    }
    RoundNumber next() const {
        if (mantissa == 5) return {1, exponent + 1};
        return {mantissa == 1 ? 2 : 5, exponent};
    }
};

/// The largest that is at most value.
RoundNumber round_down(double value) {
    constexpr double nearly = 1.0 - 1e-9;  // a power of ten need not be exact
    RoundNumber result{1, static_cast<int>(std::floor(std::log10(value) + 1e-9))};
    while (result.next().value() * nearly <= value) result = result.next();
    return result;
}

}  // namespace

double PlotAxis::position(double value) const {
    if (logarithmic) {
        return (std::log(value) - std::log(lower)) / (std::log(upper) - std::log(lower));
    }
    return (value - lower) / (upper - lower);
}

bool PlotAxis::shows(double value) const {
    return std::isfinite(value) && (!logarithmic || value > 0.0) && value >= lower && value <= upper;
}

PlotAxis linear_axis(double lowest, double highest) {
    // As good as equal: ticks between them would be the same number.
    const double magnitude = std::max(std::abs(lowest), std::abs(highest));
    if (highest - lowest <= 1e-9 * magnitude) {
        const double margin = magnitude == 0.0 ? 1.0 : 0.1 * magnitude;
        lowest -= margin;
        highest += margin;
    }
    constexpr double steps_at_most = 8.0;
    const RoundNumber step = round_down((highest - lowest) / steps_at_most * 0.999).next();
    PlotAxis axis{.lower = lowest, .upper = highest, .ticks = {}};
    const double last = std::floor(highest / step.value() + 1e-6);
    for (double k = std::ceil(lowest / step.value() - 1e-6); k <= last; ++k) {
        const double value = k * step.value();
        axis.ticks.push_back({value, fixed_text(value, std::max(0, -step.exponent))});
    }
    return axis;
}

PlotAxis logarithmic_axis(double lowest, double highest) {
    PlotAxis axis{.logarithmic = true, .ticks = {}};
    const RoundNumber first = round_down(lowest);
    RoundNumber last = round_down(highest);
    if (last.value() < highest * (1.0 - 1e-9) || last.value() <= first.value()) last = last.next();
    axis.lower = std::min(first.value(), lowest);
    axis.upper = std::max(last.value(), highest);
    const int decades = last.exponent - first.exponent;
    const int stride = 1 + decades / 8;
    const bool plain = first.exponent >= -3 && last.exponent <= 4;
    for (RoundNumber k = first; k.value() <= last.value() * (1.0 + 1e-9); k = k.next()) {
        const bool labelled = decades <= 2 || (k.mantissa == 1 && k.exponent % stride == 0);
        if (labelled) axis.ticks.push_back({k.value(), plain ? k.digits() : k.scientific()});
    }
    return axis;
}

}  // namespace eigenbit::internal
