#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace eigenbit::internal {

/// The value of an IEEE 754 binary16 number.
inline float half_to_float(std::uint16_t bits) {
    const float sign = (bits & 0x8000U) != 0 ? -1.0F : 1.0F;
    const int exponent = (bits >> 10U) & 0x1FU;
    const auto fraction = static_cast<float>(bits & 0x3FFU);
    if (exponent == 0) return sign * std::ldexp(fraction, -24);
    if (exponent < 31) return sign * std::ldexp(fraction + 1024.0F, exponent - 25);
    return fraction == 0.0F ? sign * std::numeric_limits<float>::infinity() : std::numeric_limits<float>::quiet_NaN();
}

/// The value of a bfloat16 number: the upper half of a float32.
inline float bfloat_to_float(std::uint16_t bits) {
    return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16U);
}

}  // namespace eigenbit::internal
