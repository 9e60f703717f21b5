#include "report/svg_picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

namespace eigenbit::internal {
namespace {

// The hues of Okabe and Ito's palette, which colour-blind readers tell apart; orange and sky blue are darker on light
// backgrounds and blue is lighter on dark ones, so that each keeps a contrast of 3 : 1.
constexpr std::string_view kStyle = R"(
.ink{color:#1b2027}.soft{color:#5a6472}.faint{color:#dfe3e8}.surface{color:#ffffff}.heat{color:#08507f}
.c0{color:#0072b2}.c1{color:#d55e00}.c2{color:#009e73}.c3{color:#c0659a}.c4{color:#c08400}.c5{color:#3c9bd6}
@media screen and (prefers-color-scheme:dark){
.ink{color:#e8ebef}.soft{color:#a3adba}.faint{color:#333b45}.surface{color:#14181d}.heat{color:#62b6ec}
.c0{color:#4a9bdc}.c1{color:#f0703a}.c2{color:#1fbf92}.c3{color:#e090bf}.c4{color:#f0b429}.c5{color:#a6dcf7}
})";

/// The length of the well-formed UTF-8 sequence that text begins with; 0 where there is none.
std::size_t utf8_length(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    if (byte(0) < 0x80) return 1;
    if (byte(0) < 0xC2 || byte(0) > 0xF4) return 0;
    const std::size_t length = byte(0) < 0xE0 ? 2 : byte(0) < 0xF0 ? 3 : 4;
    if (text.size() < length) return 0;
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xC0) != 0x80) return 0;
    }
    // Overlong forms, surrogates and what lies beyond U+10FFFF.
    if ((byte(0) == 0xE0 && byte(1) < 0xA0) || (byte(0) == 0xED && byte(1) > 0x9F)) return 0;
    if ((byte(0) == 0xF0 && byte(1) < 0x90) || (byte(0) == 0xF4 && byte(1) > 0x8F)) return 0;
    return length;
}

std::string stroke_attributes(const StrokeStyle& stroke) {
    return fmt::format(R"(stroke="currentColor" stroke-width="{:g}"{})", stroke.width,
                       stroke.dashed ? R"( stroke-dasharray="5 4")" : "");
}

/// The end of an element: with the tooltip as its content, if there is one.
std::string ending(std::string_view element, std::string_view tooltip) {
    if (tooltip.empty()) return "/>\n";
    return fmt::format("><title>{}</title></{}>\n", escape_markup(tooltip), element);
}

}  // namespace

std::string escape_markup(std::string_view text) {
    std::string escaped;
    while (!text.empty()) {
        const std::size_t length = utf8_length(text);
        const char first = text.front();
        if (length == 0)
            escaped += "\uFFFD";
        else if (first == '<')
            escaped += "&lt;";
        else if (first == '>')
            escaped += "&gt;";
        else if (first == '&')
            escaped += "&amp;";
        else if (first == '"')
            escaped += "&quot;";
        else if (first == '\'')
            escaped += "&#39;";
        else if (static_cast<unsigned char>(first) < 0x20 || first == 0x7F)
            escaped += ' ';
        else
            escaped += text.substr(0, length);
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return escaped;
}

PlotColor series_color(std::size_t series) {
    constexpr std::array<PlotColor, kSeriesColors> colors = {"c0", "c1", "c2", "c3", "c4", "c5"};
    return colors[series % kSeriesColors];
}

SvgPicture::SvgPicture(std::string_view title, std::string_view description)
    : body_(fmt::format("<title>{}</title><desc>{}</desc>\n", escape_markup(title), escape_markup(description))) {
    text({0.0, 14.0}, title, {.size = 14.0, .bold = true});
}

void SvgPicture::line(PlotPosition from, PlotPosition to, PlotColor color, const StrokeStyle& stroke) {
    fmt::format_to(std::back_inserter(body_),
                   R"(<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" {}/>)", color, from.x, from.y,
                   to.x, to.y, stroke_attributes(stroke));
    body_ += '\n';
}

void SvgPicture::rectangle(PlotPosition corner, double width, double height, PlotColor color, double opacity,
                           std::string_view tooltip) {
    fmt::format_to(std::back_inserter(body_),
                   R"(<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" fill="currentColor")",
                   color, corner.x, corner.y, width, height);
    if (opacity < 1.0) fmt::format_to(std::back_inserter(body_), R"( fill-opacity="{:.3f}")", opacity);
    body_ += ending("rect", tooltip);
}

void SvgPicture::outline(PlotPosition corner, double width, double height, PlotColor color, std::string_view tooltip) {
    fmt::format_to(std::back_inserter(body_),
                   R"(<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" fill="none" )"
                   R"(pointer-events="all" {})",
                   color, corner.x, corner.y, width, height, stroke_attributes({}));
    body_ += ending("rect", tooltip);
}

void SvgPicture::stroke_path(std::string_view path, PlotColor color, const StrokeStyle& stroke) {
    fmt::format_to(std::back_inserter(body_), R"(<path class="{}" d="{}" fill="none" stroke-linejoin="round" {}/>)",
                   color, path, stroke_attributes(stroke));
    body_ += '\n';
}

void SvgPicture::fill_path(std::string_view path, PlotColor color, std::string_view tooltip) {
    fmt::format_to(std::back_inserter(body_), R"(<path class="{}" d="{}" fill="currentColor")", color, path);
    body_ += ending("path", tooltip);
}

void SvgPicture::text(PlotPosition position, std::string_view text, const TextStyle& style) {
    fmt::format_to(std::back_inserter(body_), R"(<text class="{}" x="{:.1f}" y="{:.1f}" fill="currentColor")",
                   style.color, position.x, position.y);
    if (style.anchor != "start") fmt::format_to(std::back_inserter(body_), R"( text-anchor="{}")", style.anchor);
    if (style.size != TextStyle{}.size) fmt::format_to(std::back_inserter(body_), R"( font-size="{:g}")", style.size);
    if (style.bold) body_ += R"( font-weight="600")";
    if (style.rotation != 0.0) {
        fmt::format_to(std::back_inserter(body_), R"~( transform="rotate({:g} {:.1f} {:.1f})")~", style.rotation,
                       position.x, position.y);
    }
    body_ += '>';
    if (!style.tooltip.empty()) {
        fmt::format_to(std::back_inserter(body_), "<title>{}</title>", escape_markup(style.tooltip));
    }
    body_ += escape_markup(text) + "</text>\n";
}

void SvgPicture::begin_clip(PlotPosition corner, double width, double height) {
    // An inner viewport clips without an identifier, which would have to be unique on a page of many plots.
    fmt::format_to(std::back_inserter(body_),
                   R"(<svg x="{0:.1f}" y="{1:.1f}" width="{2:.1f}" height="{3:.1f}" )"
                   R"(viewBox="{0:.1f} {1:.1f} {2:.1f} {3:.1f}" overflow="hidden">)",
                   corner.x, corner.y, width, height);
    body_ += '\n';
}

void SvgPicture::end_clip() { body_ += "</svg>\n"; }

Svg SvgPicture::finish(double width, double height) && {
    width = std::ceil(width);
    height = std::ceil(height);
    return {fmt::format(R"(<svg xmlns="http://www.w3.org/2000/svg" class="plot" role="img" )"
                        R"(width="{0:g}" height="{1:g}" viewBox="0 0 {0:g} {1:g}" )"
                        R"(font-family="system-ui, sans-serif" font-size="12">)"
                        "\n{2}</svg>\n",
                        width, height, body_),
            width, height};
}

double text_width(std::string_view text, double size) {
    const auto characters =
        std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
    return 0.65 * size * static_cast<double>(characters);
}

std::string_view picture_style() { return kStyle; }

std::string stand_alone(const Svg& svg) {
    constexpr double margin = 16.0;
    return fmt::format(R"(<svg xmlns="http://www.w3.org/2000/svg" width="{0:g}" height="{1:g}" )"
                       R"(viewBox="-{2:g} -{2:g} {0:g} {1:g}">)"
                       "<style>{3}</style>\n"
                       R"(<rect class="surface" x="-{2:g}" y="-{2:g}" width="{0:g}" height="{1:g}" )"
                       R"(fill="currentColor"/>)"
                       "\n{4}</svg>\n",
                       svg.width + 2.0 * margin, svg.height + 2.0 * margin, margin, kStyle, svg.element);
}

}  // namespace eigenbit::internal
