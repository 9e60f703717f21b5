#pragma once

#include <bit>
#include <cstdint>

namespace eigenbit::internal {

// Elementary functions of which compilers make vectors, as they have neither branches nor calls: exact to two units in
// the last place, and the same on every CPU. NaN stays NaN. The polynomials are weighted minimax fits.

/// first + x · (the polynomial of the others)
inline float polynomial(float, float last) { return last; }
template <typename... Coefficients>
float polynomial(float x, float first, Coefficients... others) {
    return first + x * polynomial(x, others...);
}

/// eˣ = 2ⁿ · (1 + tail), with |tail| < 0.42. |x| is at most 2²⁰.
struct ExponentialParts {
    std::int32_t n;
    float tail;
};

inline ExponentialParts exponential_parts(float x) {
    constexpr float kToInteger = 12582912.0F;  // 1.5 · 2²³: what it is added to becomes an integer
    const float sum = x * 1.44269504F + kToInteger;
    const float n = sum - kToInteger;
    // ln 2 in two parts, so that the product with the first is exact.
    const float r = (x - n * 0.693359375F) + n * 2.12194440e-4F;
    return {std::bit_cast<std::int32_t>(sum) - std::bit_cast<std::int32_t>(kToInteger),
            r
                + r * r
                      * polynomial(r, 0.500000008F, 0.166666669F, 0.0416662697F, 0.00833326541F, 0.00139460867F,
                                   1.99178325e-4F)};
}

/// 2ⁿ for −126 ≤ n ≤ 127.
inline float power_of_two(std::int32_t n) { return std::bit_cast<float>((n + 127) << 23); }

inline float clamped(float x, float low, float high) {
    const float raised = x < low ? low : x;
    return raised > high ? high : raised;
}

/// eˣ
inline float exponential(float x) {
    const ExponentialParts parts = exponential_parts(clamped(x, -104.0F, 104.0F));
    const std::int32_t half = parts.n >> 1;
    return (1.0F + parts.tail) * power_of_two(half) * power_of_two(parts.n - half);
}

/// eˣ − 1 for x ≤ 88, accurate near 0 too.
inline float exponential_less_one(float x) {
    const ExponentialParts parts = exponential_parts(x < -80.0F ? -80.0F : x);
    const float scale = power_of_two(parts.n);
    return scale * parts.tail + (scale - 1.0F);
}

/// log(1 + t) for 0 ≤ t ≤ 1.
inline float logarithm_of_one_plus(float t) {
    return t
           * polynomial(t, 0.999999995F, -0.499999024F, 0.333299623F, -0.249541321F, 0.196759315F, -0.153055702F,
                        0.106036169F, -0.0569591593F, 0.0198512627F, -0.00324398088F);
}

/// log(1 − erf(t)) for t ≥ 0, so that its exponential has the relative accuracy of erf, or of 1 − erf; beyond 5, where
/// that is 0 to every purpose, it falls on.
inline float logarithm_of_erfc(float t) {
    constexpr float kEnd = 5.0F;
    const float within = t > kEnd ? kEnd : t;
    const float q = polynomial(within, -1.12837917F, -0.636619834F, -0.102771279F, 0.0191177011F, 2.5304705e-4F,
                               -0.00179933585F, 7.40672322e-4F, -1.67475038e-4F, 2.13532208e-5F, -1.19316797e-6F);
    return within * q - 10.0F * (t - within);
}

}  // namespace eigenbit::internal
