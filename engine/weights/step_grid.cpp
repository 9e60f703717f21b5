#include "engine/weights/step_grid.h"

#include <array>
#include <cmath>

namespace eigenbit::internal {

float grid_step(int position) {
    constexpr std::array<float, 8> kEighths{0x1p0F,        0x1.172b84p0F, 0x1.306fe0p0F, 0x1.4bfdaep0F,
                                            0x1.6a09e6p0F, 0x1.8ace54p0F, 0x1.ae89fap0F, 0x1.d5818ep0F};
    return std::ldexp(kEighths[static_cast<std::size_t>(position % 8)], position / 8 - 26);
}

std::optional<int> step_grid_position(float step) {
    if (!(step >= grid_step(0) && step <= grid_step(kLastStepPosition))) return std::nullopt;
    const int position = static_cast<int>(std::lround(8.0F * std::log2(step))) + 208;
    return grid_step(position) == step ? std::optional(position) : std::nullopt;
}

}  // namespace eigenbit::internal
