#include "report/report_tables.h"

#include "report/number_text.h"
#include "report/svg_picture.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

namespace eigenbit::internal {
namespace {

std::string row_head(std::string_view text, std::string_view attributes = "") {
    return fmt::format(R"(<th scope="row"{}>{}</th>)", attributes, escape_markup(text));
}

std::string column_head(std::string_view text, std::string_view attributes = "") {
    return fmt::format(R"(<th scope="col"{}>{}</th>)", attributes, escape_markup(text));
}

std::string cell(std::string_view text) { return fmt::format("<td>{}</td>", escape_markup(text)); }

std::string text_cell(std::string_view text) { return fmt::format(R"(<td class="text">{}</td>)", escape_markup(text)); }

std::string table(std::string_view caption, std::string_view head, std::string_view body) {
    return fmt::format(R"(<div class="scroll" tabindex="0" role="region" aria-label="{0}">)"
                       "<table><caption>{0}</caption>\n<thead>{1}</thead>\n<tbody>\n{2}</tbody></table></div>\n",
                       escape_markup(caption), head, body);
}

/// "3.2 2.8 1" for a factor's blocks, factors apart by a bar.
std::string depths_text(const std::vector<std::vector<double>>& factors) {
    std::string text;
    for (const std::vector<double>& blocks : factors) {
        if (!text.empty()) text += " | ";
        for (std::size_t i = 0; i < blocks.size(); ++i) {
            if (i > 0) text += ' ';
            text += blocks[i] == 0.0 ? "0" : fixed_text(blocks[i], 1);
        }
    }
    return text.empty() ? "–" : text;
}

std::vector<std::string> gain_transforms(const CompressionReport& report) {
    std::vector<std::string> transforms;
    for (const LayerReport& layer : report.layers) {
        for (const TransformGain& gain : layer.gains) {
            if (std::ranges::find(transforms, gain.transform) == transforms.end()) transforms.push_back(gain.transform);
        }
    }
    return transforms;
}

}  // namespace

std::string curves_table(const CompressionReport& report) {
    std::string body;
    for (const TransformCurve& curve : report.curves) {
        for (std::size_t i = 0; i < curve.points.size(); ++i) {
            const QualityPoint& point = curve.points[i];
            body += "<tr>";
            if (i == 0) body += row_head(curve.name, fmt::format(R"( rowspan="{}")", curve.points.size()));
            body += cell(fixed_text(point.bits_per_weight, 3)) + cell(fixed_text(point.quality, 2))
                    + cell(fixed_text(point.standard_error, 2))
                    + cell(point.file_bytes > 0 ? count_text(point.file_bytes) : "–")
                    + cell(significant_text(point.predicted_distortion))
                    + cell(significant_text(point.measured_distortion)) + "</tr>\n";
        }
    }
    if (body.empty()) return "";
    return table("All rates of all transforms",
                 "<tr>" + column_head("transform") + column_head("bits a weight")
                     + column_head(fmt::format("{}, {}", report.quality_name, report.quality_unit))
                     + column_head("± standard error") + column_head("file, bytes")
                     + column_head("predicted distortion") + column_head("measured distortion") + "</tr>",
                 body);
}

std::string layers_table(const CompressionReport& report) {
    if (report.layers.empty()) return "";
    const bool rounded =
        std::ranges::any_of(report.layers, [](const LayerReport& layer) { return !layer.activation_depths.empty(); });
    std::string body;
    for (const LayerReport& layer : report.layers) {
        body += "<tr>" + row_head(layer.name) + text_cell(layer.transform) + cell(count_text(layer.weights))
                + cell(fixed_text(layer.bits_per_weight, 3))
                + cell(layer.rows > 0 ? fmt::format("{} of {}", layer.nonzero_rows, layer.rows) : "–")
                + cell(significant_text(layer.predicted_distortion)) + text_cell(depths_text({layer.coefficient_bits}))
                + text_cell(depths_text(layer.basis_bits));
        if (rounded) {
            const std::string depths = fmt::format("{}", fmt::join(layer.activation_depths, " | "));
            body += text_cell(depths.empty() ? "–" : depths);
        }
        body += "</tr>\n";
    }
    return table("The layers of this file",
                 "<tr>" + column_head("layer") + column_head("transform", R"( class="text")") + column_head("weights")
                     + column_head("bits a weight") + column_head("non-zero rows") + column_head("predicted distortion")
                     + column_head("bits a level, blocks of T", R"( class="text")")
                     + column_head("bits a level, blocks of S", R"( class="text")")
                     + (rounded ? column_head("bits an activation read", R"( class="text")") : "") + "</tr>",
                 body);
}

std::string gains_table(const CompressionReport& report) {
    const std::vector<std::string> transforms = gain_transforms(report);
    if (transforms.empty()) return "";
    std::string names = R"(<tr><th scope="col" rowspan="2">layer</th>)";
    std::string parts = "<tr>";
    for (const std::string& transform : transforms) {
        names += fmt::format(R"(<th scope="colgroup" colspan="3" class="group">{}</th>)", escape_markup(transform));
        parts += column_head("gradients") + column_head("weights") + column_head("gain");
    }
    std::string body;
    for (const LayerReport& layer : report.layers) {
        body += "<tr>" + row_head(layer.name);
        for (const std::string& transform : transforms) {
            const auto gain = std::ranges::find(layer.gains, transform, &TransformGain::transform);
            const TransformGain shown =
                gain != layer.gains.end() ? *gain : TransformGain{transform, kUnknown, kUnknown};
            body += cell(fixed_text(shown.gradients_db, 2)) + cell(fixed_text(shown.weights_db, 2))
                    + cell(fixed_text(shown.gradients_db + shown.weights_db, 2));
        }
        body += "</tr>\n";
    }
    return table("Coding gains, dB", names + "</tr>" + parts + "</tr>", body);
}

}  // namespace eigenbit::internal
