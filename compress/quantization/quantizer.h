#pragma once

#include <cstdint>
#include <span>

namespace eigenbit::internal {

/// A uniform scalar quantizer (equation 5): level = clip(round(x/Δ − offset)), x̂ = Δ·(level + offset).
struct Quantizer {
    static constexpr int kUnclipped = 16;  ///< a bit depth that never clips in practice: for entropy coding

    int bit_depth = 0;       ///< levels in −2^(R−1) … 2^(R−1)−1; depth 0 has the one value 0
    float step = 0.0F;       ///< Δ
    float offset = 0.0F;     ///< in steps: 0 is the paper's mid-tread quantizer, ½ has levels on both sides of zero
    float dead_zone = 0.0F;  ///< in steps: how much the interval of every level grows towards larger magnitudes, 0 … ½

    bool operator==(const Quantizer&) const = default;
};

/// The levels of these values.
void quantize(std::span<const float> values, const Quantizer& quantizer, std::span<std::int16_t> levels);

/// What quantizing adds to these values: x̂ − x.
void quantization_errors(std::span<const float> values, const Quantizer& quantizer, std::span<float> errors);

}  // namespace eigenbit::internal
