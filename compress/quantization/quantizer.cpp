#include "compress/quantization/quantizer.h"

#include "engine/weights/quantized.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace eigenbit::internal {

void quantize(std::span<const float> values, const Quantizer& quantizer, std::span<std::int16_t> levels) {
    if (quantizer.bit_depth == 0) {
        std::ranges::fill(levels, std::int16_t{0});
        return;
    }
    const float highest = static_cast<float>((1 << (quantizer.bit_depth - 1)) - 1);
    const float lowest = -highest - 1.0F;
    const float scale = 1.0F / quantizer.step;
    constexpr float kFurthest = 32768.0F;  // beyond any level; converting to int then rounds down
    const float rounding = 0.5F - quantizer.dead_zone;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const float x = values[i] * scale - quantizer.offset;
        const auto magnitude = static_cast<float>(static_cast<int>(std::min(std::abs(x) + rounding, kFurthest)));
        levels[i] = static_cast<std::int16_t>(std::clamp(std::copysign(magnitude, x), lowest, highest));
    }
}

void quantization_errors(std::span<const float> values, const Quantizer& quantizer, std::span<float> errors) {
    std::vector<std::int16_t> levels(values.size());
    quantize(values, quantizer, levels);
    const float step = quantizer.bit_depth == 0 ? 0.0F : quantizer.step;
    for (std::size_t i = 0; i < values.size(); ++i) {
        errors[i] = level_value(levels[i], step, quantizer.offset) - values[i];
    }
}

}  // namespace eigenbit::internal
