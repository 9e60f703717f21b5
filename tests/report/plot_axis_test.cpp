#include "report/plot_axis.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>

using namespace eigenbit::internal;

namespace {

std::vector<std::string> labels(const PlotAxis& axis) {
    std::vector<std::string> all;
    for (const PlotAxis::Tick& tick : axis.ticks) all.push_back(tick.label);
    return all;
}

}  // namespace

TEST_CASE("a linear axis has round ticks between its ends") {
    CHECK(labels(linear_axis(0.9, 4.1)) == std::vector<std::string>{"1.0", "1.5", "2.0", "2.5", "3.0", "3.5", "4.0"});
    CHECK(labels(linear_axis(0.0, 100.0)) == std::vector<std::string>{"0", "20", "40", "60", "80", "100"});
    CHECK(labels(linear_axis(-1.2, 4.3)) == std::vector<std::string>{"−1", "0", "1", "2", "3", "4"});
    CHECK(linear_axis(0.9, 4.1).position(0.9) == doctest::Approx(0.0));
    CHECK(linear_axis(0.9, 4.1).position(4.1) == doctest::Approx(1.0));
    CHECK(linear_axis(0.0, 100.0).position(25.0) == doctest::Approx(0.25));
}

TEST_CASE("a linear axis of every size has two to eleven ticks, different ones, none of them outside") {
    for (const double lowest : {-3.7e5, -1.0, 0.0, 1e-7, 17.3}) {
        for (double extent = 1e-3; extent < 1e7; extent *= 1.7) {
            const PlotAxis axis = linear_axis(lowest, lowest + extent);
            CAPTURE(lowest);
            CAPTURE(extent);
            CHECK(axis.ticks.size() >= 2);
            CHECK(axis.ticks.size() <= 11);
            std::vector<std::string> texts = labels(axis);
            std::ranges::sort(texts);
            CHECK(std::ranges::adjacent_find(texts) == texts.end());
            for (const PlotAxis::Tick& tick : axis.ticks) {
                CHECK(axis.position(tick.value) > -1e-3);
                CHECK(axis.position(tick.value) < 1.0 + 1e-3);
            }
        }
    }
}

TEST_CASE("an axis of equal values is wider than nothing") {
    for (const double value : {0.0, -2.0, 91.5, 1e17}) {
        const PlotAxis axis = linear_axis(value, value);
        CHECK(axis.lower < value);
        CHECK(axis.upper > value);
        CHECK(!axis.ticks.empty());
    }
    const PlotAxis axis = logarithmic_axis(2.0, 2.0);
    CHECK(axis.lower == doctest::Approx(2.0));
    CHECK(axis.upper == doctest::Approx(5.0));
}

TEST_CASE("a logarithmic axis goes from one round number to another, and labels powers of ten where it is long") {
    CHECK(labels(logarithmic_axis(0.015, 1.9))
          == std::vector<std::string>{"0.01", "0.02", "0.05", "0.1", "0.2", "0.5", "1", "2"});
    CHECK(labels(logarithmic_axis(1e-5, 1e-1)) == std::vector<std::string>{"10⁻⁵", "10⁻⁴", "10⁻³", "10⁻²", "10⁻¹"});
    const PlotAxis axis = logarithmic_axis(1.0, 100.0);
    CHECK(axis.position(1.0) == doctest::Approx(0.0));
    CHECK(axis.position(10.0) == doctest::Approx(0.5));
    CHECK(axis.position(100.0) == doctest::Approx(1.0));
    CHECK(logarithmic_axis(1e-12, 1e12).ticks.size() <= 10);
}

TEST_CASE("an axis shows what lies on it") {
    const PlotAxis linear = linear_axis(1.0, 2.0);
    CHECK(linear.shows(1.0));
    CHECK(linear.shows(2.0));
    CHECK(!linear.shows(2.1));
    CHECK(!linear.shows(std::numeric_limits<double>::quiet_NaN()));
    CHECK(!logarithmic_axis(1.0, 10.0).shows(-1.0));
}
