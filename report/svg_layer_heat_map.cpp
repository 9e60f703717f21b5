#include "report/svg_layer_heat_map.h"

#include "report/layer_columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace eigenbit::internal {
namespace {

constexpr double kCellHeight = 18.0;
constexpr double kCellGap = 1.0;
constexpr double kBandGap = 14.0;

/// Colour and numbers of the cells of one map.
struct CellStyle {
    double largest = 1.0;
    bool numbers = false;
    int decimals = 0;

    double opacity(double value) const { return 0.10 + 0.90 * std::min(value / largest, 1.0); }

    void draw(SvgPicture& picture, PlotPosition corner, double width, double value, std::string_view tooltip) const {
        const double height = kCellHeight - kCellGap;
        if (value == 0.0)
            picture.outline({corner.x + 0.5, corner.y + 0.5}, width - 1.0, height - 1.0, kFaint, tooltip);
        else
            picture.rectangle(corner, width, height, kHeat, opacity(value), tooltip);
        if (!numbers) return;
        const PlotColor color = value == 0.0 ? kSoft : opacity(value) > 0.68 ? kSurface : kInk;
        picture.text({corner.x + 0.5 * width, corner.y + 0.5 * height + 3.5},
                     fmt::format("{:.{}f}", value, value == 0.0 ? 0 : decimals),
                     {.color = color, .anchor = "middle", .size = 10.0, .tooltip = tooltip});
    }
};

CellStyle cell_style(const LayerHeatMap& map, const LayerColumns& columns) {
    CellStyle style;
    for (const LayerHeatMap::Band& band : map.bands) {
        for (const std::vector<double>& cells : band.values) {
            for (const double value : cells) {
                if (!std::isfinite(value)) continue;
                style.largest = std::max(style.largest, std::ceil(value));
                if (value != std::round(value)) style.decimals = 1;
            }
        }
    }
    style.numbers = columns.step() >= (style.decimals == 0 ? 14.0 : 22.0);
    return style;
}

void draw_scale(SvgPicture& picture, const LayerHeatMap& map, const CellStyle& style) {
    constexpr double cell_width = 22.0;
    const CellStyle numbered{.largest = style.largest, .numbers = true, .decimals = 0};
    picture.text({0.0, 39.0}, map.scale);
    const double left = text_width(map.scale) + 16.0;
    const double stride = std::ceil(style.largest / 8.0);
    PlotPosition corner{left, 26.0};
    for (double value = 0.0; value <= style.largest; value += stride, corner.x += cell_width + kCellGap) {
        numbered.draw(picture, corner, cell_width, value, "");
    }
}

std::size_t rows(const LayerHeatMap::Band& band) {
    std::size_t most = 0;
    for (const std::vector<double>& cells : band.values) most = std::max(most, cells.size());
    return most;
}

void draw_band(SvgPicture& picture, const LayerHeatMap::Band& band, const LayerColumns& columns, const CellStyle& style,
               double top) {
    const std::size_t count = rows(band);
    for (std::size_t row = 0; row < count; ++row) {
        picture.text({columns.left() - 6.0, top + kCellHeight * (static_cast<double>(row) + 0.68)},
                     std::to_string(row + 1), {.color = kSoft, .anchor = "end", .size = 11.0});
    }
    picture.text({columns.left() - 30.0, top + 0.5 * kCellHeight * static_cast<double>(count)}, band.name,
                 {.anchor = "middle", .rotation = -90.0});
    for (std::size_t layer = 0; layer < band.values.size(); ++layer) {
        const std::vector<double>& cells = band.values[layer];
        for (std::size_t row = 0; row < cells.size(); ++row) {
            if (!std::isfinite(cells[row])) continue;
            const PlotPosition corner{columns.center(layer) - 0.5 * (columns.step() - kCellGap),
                                      top + kCellHeight * static_cast<double>(row)};
            style.draw(picture, corner, columns.step() - kCellGap, cells[row],
                       fmt::format("{}, {}, block {}: {:.3g}", columns.name(layer), band.name, row + 1, cells[row]));
        }
    }
}

}  // namespace

Svg svg_layer_heat_map(const LayerHeatMap& map) {
    SvgPicture picture(map.title, map.description);
    const LayerColumns columns(map.layers);
    const CellStyle style = cell_style(map, columns);
    draw_scale(picture, map, style);
    double top = 56.0;
    for (const LayerHeatMap::Band& band : map.bands) {
        if (rows(band) == 0) continue;
        draw_band(picture, band, columns, style, top);
        top += kCellHeight * static_cast<double>(rows(band)) + kBandGap;
    }
    const double end = columns.draw_names(picture, top - kBandGap);
    return std::move(picture).finish(columns.width(), end);
}

}  // namespace eigenbit::internal
