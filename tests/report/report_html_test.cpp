#include "report/report_html.h"
#include "tests/error_of.h"
#include "tests/report/markup_check.h"
#include "tests/temporary_folder.h"

#include <doctest/doctest.h>

#include <limits>

using namespace eigenbit::internal;

namespace {

LayerReport layer(const std::string& name, const std::string& transform) {
    return {.name = name,
            .transform = transform,
            .weights = 2304,
            .bits_per_weight = 2.125,
            .rows = 16,
            .nonzero_rows = 14,
            .predicted_distortion = 3.21e-6,
            .coefficient_bits = {4.75, 2.5, 0.0},
            .basis_bits = {{5.25, 3.0}},
            .activation_depths = {},
            .gains = {{"klt row", -0.75, 1.5}, {"elt row", 2.0, 0.5}}};
}

CompressionReport full_report() {
    CompressionReport report;
    report.model = "resnet20";
    report.float_quality = 91.73;
    report.float_bytes = 1'096'712;
    report.written = {2.0, 90.5, 0.29, 69'214, 0.25, 0.27};
    report.layers = {layer("conv1", "none"), layer("layer1.0.conv1", "elt row"), layer("linear", "elt row")};
    report.sizes.charge("conv1", SizeCategory::kernel_levels, 60'000);
    report.sizes.charge("linear", SizeCategory::basis_levels, 9'214);
    report.curves = {{"none", {{1.0, 75.0, 0.4, 36'542, 1.9, 2.5}, {4.0, 91.4, 0.3, 137'168, 0.03, 0.029}}},
                     {"elt row", {{1.0, 79.0, 0.4, 36'540, 1.3, 1.7}, {4.0, 91.5, 0.3, 137'160, 0.02, 0.021}}}};
    report.command = "eigenbit compress resnet20.onnx --rate 2";
    report.data = "512 training images";
    report.machine = "2 threads";
    report.version = "eigenbit 0.1.0";
    report.seconds = 73.0;
    return report;
}

}  // namespace

TEST_CASE("a report has every section, and is well-formed") {
    const std::string page = report_html(full_report());
    CHECK(markup_fault(page) == "");
    for (const char* const title :
         {"Quality against rate", "Distortion against rate", "Predicted and measured distortion", "of the file</title>",
          "Bits of every block", "Coding gain of every layer", "Non-zero rows of every layer", "All numbers",
          "How it was made"}) {
        CAPTURE(title);
        CHECK(page.find(title) != std::string::npos);
    }
    CHECK(occurrences(page, "role=\"img\"") == 7);
    CHECK(occurrences(page, "<desc>") == 7);
    CHECK(page.find(">The 69.2 kB of the file</text>") != std::string::npos);
    CHECK(page.find("60.0 kB · 87 %") != std::string::npos);
    CHECK(page.find("16.0×") != std::string::npos);
    CHECK(page.find("−1.2 points from 91.7 %") != std::string::npos);
    CHECK(page.find("69,214 bytes; 15.8× less than 1.10 MB") != std::string::npos);
}

TEST_CASE("a report names each layer in each of its layer plots and tables") {
    const std::string page = report_html(full_report());
    for (const char* const name : {"conv1", "layer1.0.conv1", "linear"}) {
        CAPTURE(name);
        CHECK(occurrences(page, std::string("<th scope=\"row\">") + name + "</th>") == 2);
        CHECK(occurrences(page, std::string(">") + name + "</text>") == 3);
        // Blocks of T and S, a zero block among them.
        CHECK(page.find(std::string(name) + ", T, block 1: 4.75") != std::string::npos);
        CHECK(page.find(std::string(name) + ", T, block 3: 0") != std::string::npos);
        CHECK(page.find(std::string(name) + ", S, block 1: 5.25") != std::string::npos);
        CHECK(page.find(std::string("klt row, ") + name + ": gradients -0.75") != std::string::npos);
    }
    CHECK(page.find("2 × elt row, 1 × none") != std::string::npos);
    CHECK(page.find("14 of 16") != std::string::npos);
    CHECK(page.find("3.21·10⁻⁶") != std::string::npos);
}

TEST_CASE("depths of activations have a column of their own, where there are any") {
    CompressionReport report = full_report();
    CHECK(report_html(report).find("bits an activation read") == std::string::npos);
    report.layers[1].activation_depths = {7, 5};
    const std::string page = report_html(report);
    CHECK(markup_fault(page) == "");
    CHECK(occurrences(page, "bits an activation read") == 1);
    CHECK(occurrences(page, "<td class=\"text\">7 | 5</td>") == 1);
    CHECK(occurrences(page, "<td class=\"text\">–</td>") == 2);
}

TEST_CASE("an empty report is a page without sections, plots and tables") {
    const std::string page = report_html({});
    CHECK(markup_fault(page) == "");
    CHECK(page.find("<section>") == std::string::npos);
    CHECK(page.find("<svg") == std::string::npos);
    CHECK(page.find("<table") == std::string::npos);
}

TEST_CASE("sections without data are left out of a report") {
    CompressionReport report = full_report();
    report.sizes = {};
    for (LayerReport& one : report.layers) {
        one.gains.clear();
        one.rows = one.nonzero_rows = 0;
    }
    const std::string page = report_html(report);
    CHECK(markup_fault(page) == "");
    CHECK(page.find("Bits of every block") != std::string::npos);
    CHECK(page.find("Coding gain") == std::string::npos);
    CHECK(page.find("Non-zero rows of every layer") == std::string::npos);
    CHECK(page.find("of the file</title>") == std::string::npos);
}

TEST_CASE("names reach a report as text, whatever characters they have") {
    CompressionReport report = full_report();
    const std::string name = "<b a=\"1\">&amp; it's\x01\xff";
    const std::string escaped = "&lt;b a=&quot;1&quot;&gt;&amp;amp; it&#39;s \uFFFD";
    report.model = report.quality_name = report.quality_unit = name;
    report.command = report.data = report.machine = report.version = name;
    for (LayerReport& one : report.layers) {
        one.name = one.transform = name;
        for (TransformGain& gain : one.gains) gain.transform = name;
    }
    for (TransformCurve& curve : report.curves) curve.name = name;
    const std::string page = report_html(report);
    CHECK(markup_fault(page) == "");
    CHECK(page.find("<b ") == std::string::npos);
    CHECK(page.find('\xff') == std::string::npos);
    CHECK(page.find("<h1>" + escaped + "</h1>") != std::string::npos);
    CHECK(page.find("<code>" + escaped + "</code>") != std::string::npos);
}

TEST_CASE("a report needs nothing from elsewhere") {
    std::string page = report_html(full_report());
    for (const char* const wanted : {"<script", "<link", "<img", "src=", "href=", "url(", "@import"}) {
        CAPTURE(wanted);
        CHECK(page.find(wanted) == std::string::npos);
    }
    CHECK(occurrences(page, "://") == occurrences(page, "xmlns=\"http://www.w3.org/2000/svg\""));
}

TEST_CASE("what is unknown is a dash in a report's tables and absent from its plots") {
    CompressionReport report = full_report();
    report.written = {};
    report.curves[0].points[0] = {.bits_per_weight = 1.0};
    report.curves[1].points[1].measured_distortion = std::numeric_limits<double>::infinity();
    report.layers[1].predicted_distortion = kUnknown;
    report.layers[2].gains.clear();
    const std::string page = report_html(report);
    CHECK(markup_fault(page) == "");
    CHECK(page.find("nan") == std::string::npos);
    CHECK(page.find(">inf") == std::string::npos);
    CHECK(page.find("<td>–</td>") != std::string::npos);
    CHECK(page.find(">this file</text>") == std::string::npos);
    CHECK(page.find("class=\"tiles\"") == std::string::npos);
    CHECK(occurrences(page, "<title>none: ") == 3);     // one of two rates in each of three plots
    CHECK(occurrences(page, "<title>elt row: ") == 4);  // the second rate only in the plot of quality
}

TEST_CASE("distortion is predicted where none was measured") {
    CompressionReport report = full_report();
    for (TransformCurve& curve : report.curves) {
        for (QualityPoint& point : curve.points) point.measured_distortion = kUnknown;
    }
    const std::string page = report_html(report);
    CHECK(page.find(">predicted distortion</text>") != std::string::npos);
    CHECK(page.find("measured distortion</text>") == std::string::npos);
    CHECK(page.find("Predicted and measured distortion") == std::string::npos);
}

TEST_CASE("qualities far under the float network are cut off in the plot but stay in the table") {
    CompressionReport report = full_report();
    report.curves[0].points[0].quality = 12.5;
    const std::string page = report_html(report);
    CHECK(page.find("Points under 71.7 % are cut off here") != std::string::npos);
    CHECK(page.find("none: 1, 12.5") == std::string::npos);
    CHECK(page.find("<td>12.50</td>") != std::string::npos);
    report.written.quality = 50.0;
    CHECK(report_html(report).find("Points under 50.0 % are cut off here") != std::string::npos);
}

TEST_CASE("decibels are not points") {
    CompressionReport report = full_report();
    report.quality_name = "PSNR";
    report.quality_unit = "dB";
    report.float_quality = 30.41;
    report.written.quality = 30.05;
    const std::string page = report_html(report);
    CHECK(page.find("30.05 dB") != std::string::npos);
    CHECK(page.find("−0.36 dB from 30.41 dB") != std::string::npos);
    CHECK(page.find("points from") == std::string::npos);
}

TEST_CASE("a report is written as a file, and says which file cannot be") {
    const TemporaryFolder folder;
    write_report(full_report(), folder / "report.html");
    const std::vector<std::uint8_t> bytes = read_file(folder / "report.html");
    CHECK(std::string(bytes.begin(), bytes.end()) == report_html(full_report()));
    const std::string error = error_of([&] { write_report(full_report(), folder / "nowhere/report.html"); });
    CHECK(error.find("nowhere/report.html") != std::string::npos);
}

TEST_CASE("the plot of quality against rate is a file of its own, if there is anything to plot") {
    const TemporaryFolder folder;
    write_rate_quality_plot(full_report(), folder / "plot.svg");
    const std::vector<std::uint8_t> bytes = read_file(folder / "plot.svg");
    const std::string svg(bytes.begin(), bytes.end());
    CHECK(markup_fault(svg) == "");
    CHECK(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
    CHECK(svg.find("prefers-color-scheme") != std::string::npos);
    CHECK(svg.find(">elt row</text>") != std::string::npos);
    CHECK(svg.find(">float</text>") != std::string::npos);
    CompressionReport report = full_report();
    report.curves.clear();
    const std::string error = error_of([&] { write_rate_quality_plot(report, folder / "empty.svg"); });
    CHECK(error.find("empty.svg") != std::string::npos);
    CHECK(error.find("nothing to plot") != std::string::npos);
    CHECK(!std::filesystem::exists(folder / "empty.svg"));
}
