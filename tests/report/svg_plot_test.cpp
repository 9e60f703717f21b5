#include "report/svg_layer_bars.h"
#include "report/svg_layer_heat_map.h"
#include "report/svg_plot.h"
#include "report/svg_share_bars.h"
#include "tests/report/markup_check.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <limits>

using namespace eigenbit::internal;

namespace {

LinePlot plot_of(std::vector<PlotSeries> series) {
    return {.title = "title", .description = "", .x = {.title = "x"}, .y = {.title = "y"}, .series = std::move(series)};
}

/// The value of an attribute of the first element that holds this text and begins like that.
double attribute(const std::string& svg, const std::string& beginning, const std::string& text,
                 const std::string& name) {
    const std::size_t content = svg.find(text);
    const std::size_t element = svg.rfind(beginning, content);
    const std::size_t value = svg.find(" " + name + "=\"", element);
    REQUIRE(content != std::string::npos);
    REQUIRE(element != std::string::npos);
    REQUIRE(value < content);
    return std::stod(svg.substr(value + name.size() + 3));
}

}  // namespace

TEST_CASE("a plot without drawable points is empty") {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    CHECK(svg_line_plot(plot_of({})).empty());
    CHECK(svg_line_plot(plot_of({{.name = "a", .points = {}}})).empty());
    CHECK(svg_line_plot(plot_of({{.name = "a", .points = {{nan, 1.0}, {1.0, nan}}}})).empty());
    LinePlot logarithmic = plot_of({{.name = "a", .points = {{1.0, 0.0}, {2.0, -1.0}}}});
    CHECK(!svg_line_plot(logarithmic).empty());
    logarithmic.y.logarithmic = true;
    CHECK(svg_line_plot(logarithmic).empty());
}

TEST_CASE("a plot of one point, of equal values and of extreme values is well-formed") {
    const std::vector<std::vector<PlotPoint>> cases = {{{2.0, 3.0}},
                                                       {{0.0, 0.0}, {0.0, 0.0}},
                                                       {{1.0, 5.0, 0.5}, {2.0, 5.0}},
                                                       {{1.0, 1e-300}, {2.0, 1e300}},
                                                       {{1e17, 1.0}, {1e17 + 64.0, 1.0 + 1e-15}}};
    for (const std::vector<PlotPoint>& points : cases) {
        for (const bool logarithmic : {false, true}) {
            for (const auto kind : {PlotSeries::Kind::curve, PlotSeries::Kind::points, PlotSeries::Kind::single,
                                    PlotSeries::Kind::guide}) {
                LinePlot plot = plot_of({{.name = "a", .kind = kind, .points = points}});
                plot.y.logarithmic = logarithmic;
                const std::string svg = svg_line_plot(plot).element;
                CHECK(markup_fault(svg) == "");
                CHECK(svg.find("nan") == std::string::npos);
                CHECK(svg.find("inf") == std::string::npos);
            }
        }
    }
}

TEST_CASE("labels of curves that end together are a line apart, in the order of the ends") {
    std::vector<PlotSeries> series;
    for (std::size_t i = 0; i < 8; ++i) {
        series.push_back({.name = fmt::format("curve {}", i),
                          .style = i,
                          .points = {{1.0, static_cast<double>(i)}, {2.0, 10.0 + 1e-3 * static_cast<double>(i)}}});
    }
    const Svg svg = svg_line_plot(plot_of(series));
    double above = 0.0;
    for (std::size_t i = 8; i-- > 0;) {
        const double y = attribute(svg.element, "<text", fmt::format(">curve {}</text>", i), "y");
        CHECK(y >= above + 12.0);
        CHECK(y < svg.height);
        above = y;
    }
}

TEST_CASE("labels at the lower edge of a plot stay in it") {
    std::vector<PlotSeries> series;
    for (std::size_t i = 0; i < 5; ++i) {
        series.push_back({.name = fmt::format("curve {}", i), .style = i, .points = {{1.0, 10.0}, {2.0, 0.0}}});
    }
    const Svg svg = svg_line_plot(plot_of(series));
    for (std::size_t i = 0; i < 5; ++i) {
        CHECK(attribute(svg.element, "<text", fmt::format(">curve {}</text>", i), "y") < svg.height - 30.0);
    }
}

TEST_CASE("a plot grows as wide as its labels need") {
    const std::string name(80, 'm');
    const Svg narrow = svg_line_plot(plot_of({{.name = "m", .points = {{1.0, 1.0}, {2.0, 2.0}}}}));
    const Svg wide = svg_line_plot(plot_of({{.name = name, .points = {{1.0, 1.0}, {2.0, 2.0}}}}));
    CHECK(wide.width > narrow.width);
    CHECK(attribute(wide.element, "<text", ">" + name + "<", "x") + text_width(name) <= wide.width);
}

TEST_CASE("every style of series has a look of its own, for thirty of them") {
    std::vector<std::string> looks;
    for (std::size_t style = 0; style < 30; ++style) {
        const std::string svg =
            svg_line_plot(
                plot_of({{.name = "a", .kind = PlotSeries::Kind::points, .style = style, .points = {{1, 1}}}}))
                .element;
        for (const std::string& other : looks) CHECK(svg != other);
        looks.push_back(svg);
    }
}

TEST_CASE("layer bars stack positive parts above zero and hang negative ones below it") {
    const Svg svg = svg_layer_bars({.title = "bars",
                                    .description = "",
                                    .axis = "dB",
                                    .layers = {"a", "b"},
                                    .parts = {{"first", series_color(0)}, {"second", series_color(1)}},
                                    .panels = {{.values = {{2.0, -1.0}, {1.0, 3.0}}}}});
    CHECK(markup_fault(svg.element) == "");
    const auto top = [&](const std::string& bar) { return attribute(svg.element, "<rect", bar, "y"); };
    const auto height = [&](const std::string& bar) { return attribute(svg.element, "<rect", bar, "height"); };
    const double zero = top("a: first 2") + height("a: first 2");
    CHECK(top("a: second 1") + height("a: second 1") == doctest::Approx(top("a: first 2")).epsilon(1e-3));
    CHECK(top("b: first -1") == doctest::Approx(zero).epsilon(1e-3));
    CHECK(top("b: second 3") + height("b: second 3") == doctest::Approx(zero).epsilon(1e-3));
    CHECK(height("b: second 3") == doctest::Approx(3.0 * height("b: first -1")).epsilon(0.01));
}

TEST_CASE("plots of layers are well-formed for one layer and for hundreds with long names") {
    for (const std::size_t count : {1U, 400U}) {
        std::vector<std::string> layers;
        std::vector<std::vector<double>> cells;
        for (std::size_t i = 0; i < count; ++i) {
            layers.push_back(fmt::format("/features/dense_block_{}/groß_Layer_0/conv/Conv1", i));
            cells.push_back({8.0, 0.0, std::numeric_limits<double>::quiet_NaN()});
        }
        const Svg bars = svg_layer_bars({.title = "bars",
                                         .description = "",
                                         .axis = "%",
                                         .layers = layers,
                                         .parts = {{"all zero", series_color(0)}},
                                         .panels = {{.values = {std::vector<double>(count, 0.0)}}}});
        const Svg map = svg_layer_heat_map(
            {.title = "map", .description = "", .scale = "bits", .layers = layers, .bands = {{"T", cells}, {"S", {}}}});
        for (const Svg& svg : {bars, map}) {
            CHECK(markup_fault(svg.element) == "");
            CHECK(svg.element.find("nan") == std::string::npos);
            CHECK(occurrences(svg.element, ">…ß_Layer_0/conv/Conv1</text>") == static_cast<int>(count));
        }
    }
}

TEST_CASE("shares of a whole are written beside their bars, and parts of nothing are left out") {
    const Svg svg = svg_share_bars({.title = "size",
                                    .description = "",
                                    .parts = {{"kernels", 75.0, "75 B"}, {"bases", 0.0, ""}, {"rest", 25.0, "25 B"}}});
    CHECK(markup_fault(svg.element) == "");
    CHECK(svg.element.find("75 B · 75 %") != std::string::npos);
    CHECK(svg.element.find("25 B · 25 %") != std::string::npos);
    CHECK(svg.element.find("bases") == std::string::npos);
}
