#include "report/svg_share_bars.h"

#include "report/svg_picture.h"

#include <fmt/format.h>

#include <algorithm>

namespace eigenbit::internal {

Svg svg_share_bars(const ShareBars& bars) {
    constexpr double width = 420.0;
    constexpr double row_height = 38.0;
    double total = 0.0;
    for (const ShareBars::Part& part : bars.parts) total += part.value;
    SvgPicture picture(bars.title, bars.description);
    double top = 34.0;
    for (const ShareBars::Part& part : bars.parts) {
        if (!(part.value > 0.0)) continue;
        const double share = part.value / total;
        picture.text({0.0, top + 12.0}, part.name);
        picture.text({width, top + 12.0}, fmt::format("{} · {:.{}f} %", part.label, 100.0 * share, share < 0.1 ? 1 : 0),
                     {.anchor = "end"});
        picture.rectangle({0.0, top + 18.0}, width, 12.0, kFaint);
        picture.rectangle({0.0, top + 18.0}, std::max(width * share, 1.0), 12.0, series_color(0));
        top += row_height;
    }
    return std::move(picture).finish(width, top);
}

}  // namespace eigenbit::internal
