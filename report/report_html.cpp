#include "report/report_html.h"

#include "engine/base/error.h"
#include "engine/formats/file.h"
#include "report/number_text.h"
#include "report/report_plots.h"
#include "report/report_tables.h"
#include "report/svg_picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

namespace eigenbit::internal {
namespace {

constexpr std::string_view kPageStyle = R"(
:root{color-scheme:light dark;--ink:#1b2027;--soft:#5a6472;--faint:#dfe3e8;--surface:#ffffff;--tint:#f4f6f8}
@media screen and (prefers-color-scheme:dark){
:root{--ink:#e8ebef;--soft:#a3adba;--faint:#333b45;--surface:#14181d;--tint:#1c2229}
}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0 auto;max-width:1088px;padding:32px 24px 64px;background:var(--surface);color:var(--ink);
font:16px/1.5 system-ui,sans-serif}
h1{margin:0;font-size:30px;line-height:1.2;overflow-wrap:anywhere}
h2{margin:0 0 4px;font-size:21px}
section{margin-top:44px;padding-top:20px;border-top:1px solid var(--faint)}
p{margin:0 0 16px;max-width:72ch}
.soft{color:var(--soft)}
.kind{margin:0 0 4px;color:var(--soft)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,150px),1fr));gap:12px;margin:20px 0 0}
.tiles div{padding:14px 16px;border-radius:8px;background:var(--tint);break-inside:avoid}
.tiles dt{color:var(--soft);font-size:14px}
.tiles dt::first-letter{text-transform:uppercase}
.tiles dd{margin:0;font-size:14px;color:var(--soft)}
.tiles dd.value{font-size:28px;line-height:1.25;font-weight:600;color:var(--ink)}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,340px),1fr));gap:28px 40px;align-items:start}
figure{margin:0 0 20px;break-inside:avoid}
figcaption{margin-top:4px;color:var(--soft);font-size:14px;max-width:72ch}
.plot{display:block;height:auto}
.pair .plot{width:100%}
.scroll{overflow-x:auto;margin-bottom:4px}
table{border-collapse:collapse;font-size:14px;font-variant-numeric:tabular-nums;white-space:nowrap;margin-bottom:24px}
caption{text-align:left;font-weight:600;font-size:15px;padding-bottom:6px}
th,td{padding:4px 10px;text-align:right;border-bottom:1px solid var(--faint);font-weight:400}
thead th{color:var(--soft);vertical-align:bottom;white-space:normal;min-width:64px}
th:first-child,td.text,th.text{text-align:left}
tbody th,thead tr:first-child th:first-child{position:sticky;left:0;background:var(--surface)}
tbody th{vertical-align:top}
th:first-child{padding-left:0}
th.group{text-align:center;color:var(--ink)}
.facts{display:grid;grid-template-columns:max-content 1fr;gap:6px 24px;margin:0}
.facts dt{color:var(--soft)}
.facts dd{margin:0;overflow-wrap:anywhere}
code{font:14px/1.5 ui-monospace,monospace}
@media (max-width:520px){body{padding:20px 16px 40px}.facts{grid-template-columns:1fr;gap:0}.facts dd{margin-bottom:10px}}
@media print{
body{max-width:none;padding:0;font-size:11pt}
.scroll{overflow:visible}.plot{max-width:100%}table{font-size:8pt;white-space:normal}th,td{padding:2px 5px}
h2,h2+p,caption,thead{break-after:avoid}tr{break-inside:avoid}
}
)";

std::string quality_text(const CompressionReport& report, double quality) {
    return fmt::format("{} {}", fixed_text(quality, report.quality_unit == "dB" ? 2 : 1), report.quality_unit);
}

std::string quality_change_text(const CompressionReport& report, double change) {
    const bool decibel = report.quality_unit == "dB";
    return fmt::format("{} {}", change_text(change, decibel ? 2 : 1), decibel ? "dB" : "points");
}

std::string tile(std::string_view name, std::string_view value, std::string_view note) {
    return fmt::format("<div><dt>{}</dt><dd class=\"value\">{}</dd><dd>{}</dd></div>\n", escape_markup(name),
                       escape_markup(value), escape_markup(note));
}

std::string headline(const CompressionReport& report) {
    constexpr double float_bits = 32.0;
    const QualityPoint& written = report.written;
    std::string tiles;
    if (std::isfinite(written.bits_per_weight)) {
        tiles += tile("Rate", fixed_text(written.bits_per_weight, 2), "bits a weight, bases included");
        if (written.bits_per_weight > 0.0) {
            tiles +=
                tile("Compression", fixed_text(float_bits / written.bits_per_weight, 1) + "×", "of 32-bit weights");
        }
    }
    if (std::isfinite(written.quality)) {
        std::string note;
        if (std::isfinite(report.float_quality)) {
            note = fmt::format("{} from {}", quality_change_text(report, written.quality - report.float_quality),
                               quality_text(report, report.float_quality));
        }
        if (std::isfinite(written.standard_error)) {
            note += fmt::format("{}standard error {}", note.empty() ? "" : "; ", fixed_text(written.standard_error, 2));
        }
        tiles += tile(report.quality_name, quality_text(report, written.quality), note);
    }
    if (written.file_bytes > 0) {
        std::string note = count_text(written.file_bytes) + " bytes";
        if (report.float_bytes > 0) {
            note += fmt::format(
                "; {}× less than {}",
                fixed_text(static_cast<double>(report.float_bytes) / static_cast<double>(written.file_bytes), 1),
                bytes_text(report.float_bytes));
        }
        tiles += tile("File", bytes_text(written.file_bytes), note);
    }
    return fmt::format("<header><p class=\"kind\">Compression report</p>\n<h1>{}</h1>\n{}</header>\n",
                       escape_markup(report.model),
                       tiles.empty() ? "" : fmt::format("<dl class=\"tiles\">\n{}</dl>\n", tiles));
}

std::string figure(const Svg& svg, std::string_view caption) {
    if (svg.empty()) return "";
    return fmt::format("<figure>{}<figcaption>{}</figcaption></figure>\n", svg.element, escape_markup(caption));
}

/// A figure as wide as its picture, in a frame that scrolls on narrow screens.
std::string wide_figure(const Svg& svg, std::string_view name, std::string_view caption) {
    if (svg.empty()) return "";
    return fmt::format(R"(<figure><div class="scroll" tabindex="0" role="region" aria-label="{}">{}</div>)"
                       "<figcaption>{}</figcaption></figure>\n",
                       escape_markup(name), svg.element, escape_markup(caption));
}

std::string section(std::string_view title, std::string_view introduction, std::string_view content) {
    if (content.empty()) return "";
    return fmt::format(
        "<section><h2>{}</h2>\n{}{}</section>\n", escape_markup(title),
        introduction.empty() ? "" : fmt::format("<p class=\"soft\">{}</p>\n", escape_markup(introduction)), content);
}

std::string rate_section(const CompressionReport& report) {
    std::string quality_caption = "Whiskers: one standard error.";
    if (const std::optional<double> cut = quality_cut(report)) {
        quality_caption +=
            fmt::format(" Points under {} are cut off here; the table has them.", quality_text(report, *cut));
    }
    const std::string figures =
        figure(rate_quality_svg(report), quality_caption)
        + figure(rate_distortion_svg(report), "Mean squared change of an output element, on a logarithmic scale.")
        + figure(prediction_svg(report),
                 "On the dashed line the prediction is exact; the thin lines mark 25 % more and less.")
        + figure(size_svg(report), "Side information: bit depths, steps, channel scales and the lengths of streams.");
    return section("Rate, quality and size", "Rates are over the weights of the original layers and include the bases.",
                   figures.empty() ? "" : fmt::format("<div class=\"pair\">\n{}</div>\n", figures));
}

/// "9 layers none, 7 elt row and 4 klt column."
std::string choices_text(const CompressionReport& report) {
    std::vector<std::pair<std::string, int>> counts;
    for (const LayerReport& layer : report.layers) {
        if (layer.transform.empty()) continue;
        auto count = std::ranges::find(counts, layer.transform, &std::pair<std::string, int>::first);
        if (count == counts.end()) count = counts.insert(counts.end(), {layer.transform, 0});
        ++count->second;
    }
    std::ranges::stable_sort(counts, std::greater<>{}, &std::pair<std::string, int>::second);
    std::string text;
    for (const auto& [transform, count] : counts) {
        text += fmt::format("{}{} × {}", text.empty() ? "Transforms of the layers: " : ", ", count, transform);
    }
    return text.empty() ? "" : text + ".";
}

std::string layers_section(const CompressionReport& report) {
    return section(
        "Layers", choices_text(report),
        wide_figure(bit_depth_svg(report), "Bits of every block",
                    "Blocks of the coefficients T (rows sorted by falling variance) above those of the basis S. An "
                    "outline is a block of zeros, which is left out of the network.")
            + wide_figure(coding_gain_svg(report), "Coding gains",
                          "A gain of 6.02 dB saves one bit a weight. The part of the gradients and the part of the "
                          "weights add up; a negative part costs what it hangs below zero.")
            + wide_figure(nonzero_rows_svg(report), "Non-zero rows",
                          "Rows of zeros are channels that inference never computes."));
}

std::string origin_section(const CompressionReport& report) {
    std::string facts;
    const auto fact = [&](std::string_view name, std::string_view value, bool is_code = false) {
        if (value.empty()) return;
        const std::string text = escape_markup(value);
        facts += fmt::format("<dt>{}</dt><dd>{}</dd>\n", name, is_code ? fmt::format("<code>{}</code>", text) : text);
    };
    fact("Command", report.command, true);
    fact("Data", report.data);
    fact("Machine", report.machine);
    if (std::isfinite(report.seconds)) fact("Time", fixed_text(report.seconds, report.seconds < 10.0 ? 1 : 0) + " s");
    fact("Version", report.version);
    return section("How it was made", "", facts.empty() ? "" : fmt::format("<dl class=\"facts\">\n{}</dl>\n", facts));
}

}  // namespace

std::string report_html(const CompressionReport& report) {
    return fmt::format(
        "<!DOCTYPE html>\n<html lang=\"en\"><head>\n<meta charset=\"utf-8\"/>\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
        "<title>{}: compression report</title>\n<style>{}{}</style>\n</head>\n<body>\n{}<main>\n{}{}{}{}</main>\n"
        "</body></html>\n",
        escape_markup(report.model), kPageStyle, picture_style(), headline(report), rate_section(report),
        layers_section(report),
        section("All numbers", "", curves_table(report) + layers_table(report) + gains_table(report)),
        origin_section(report));
}

void write_report(const CompressionReport& report, const std::filesystem::path& path) {
    write_text_file(path, report_html(report));
}

void write_rate_quality_plot(const CompressionReport& report, const std::filesystem::path& path) {
    const Svg svg = rate_quality_svg(report);
    if (svg.empty()) {
        fail("cannot write \"{}\": no rate of {} has a known {}, so there is nothing to plot", path.string(),
             report.model, report.quality_name);
    }
    write_text_file(path, stand_alone(svg));
}

}  // namespace eigenbit::internal
