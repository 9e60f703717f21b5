#include "report/layer_columns.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace eigenbit::internal {
namespace {

constexpr double kSlant = -55.0;  // degrees: steep enough for names a line's height apart in the narrowest columns
constexpr double kNameSize = 11.0;
constexpr std::size_t kNameLength = 20;

std::string shortened(std::string_view name) {
    std::size_t characters = 0;
    for (std::size_t begin = name.size(); begin-- > 0;) {
        const bool continuation = (static_cast<unsigned char>(name[begin]) & 0xC0) == 0x80;
        if (continuation || ++characters < kNameLength || begin == 0) continue;
        return "…" + std::string(name.substr(begin));
    }
    return std::string(name);
}

}  // namespace

LayerColumns::LayerColumns(std::span<const std::string> layers) : names_(layers.begin(), layers.end()) {
    constexpr double plot_width = 900.0;
    step_ = std::clamp(plot_width / static_cast<double>(std::max<std::size_t>(names_.size(), 1)), 14.0, 44.0);
    constexpr double tick_labels = 56.0;
    left_ = tick_labels;
    for (std::size_t i = 0; i < names_.size(); ++i) {
        const double overhang =
            text_width(shortened(names_[i]), kNameSize) * std::cos(kSlant * std::numbers::pi / 180.0);
        left_ = std::max(left_, overhang - step_ * (static_cast<double>(i) + 0.5));
    }
}

double LayerColumns::width() const {
    constexpr double narrowest = 380.0;  // the title and a legend fit
    return std::max(right() + 8.0, narrowest);
}

double LayerColumns::draw_names(SvgPicture& picture, double top) const {
    double longest = 0.0;
    for (std::size_t i = 0; i < names_.size(); ++i) {
        const std::string name = shortened(names_[i]);
        longest = std::max(longest, text_width(name, kNameSize));
        picture.text({center(i) + 4.0, top + 12.0}, name,
                     {.anchor = "end", .size = kNameSize, .rotation = kSlant, .tooltip = names_[i]});
    }
    return top + 16.0 - longest * std::sin(kSlant * std::numbers::pi / 180.0);
}

}  // namespace eigenbit::internal
