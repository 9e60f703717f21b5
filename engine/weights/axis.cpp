#include "engine/weights/axis.h"

#include <array>

namespace eigenbit::internal {

std::string_view to_string(Axis axis) {
    constexpr std::array<std::string_view, 3> kNames{"row", "column", "taps"};
    return kNames[static_cast<std::size_t>(axis)];
}

Shape with_one_tap_axis(const Shape& weight) {
    return Shape{weight[0], weight.elements(1, weight.rank() - 1), weight.back()};
}

}  // namespace eigenbit::internal
