#include "engine/weights/cosine.h"

#include <cmath>
#include <numbers>

namespace eigenbit::internal {
namespace {

/// cos(π · half_turns). The C library's has other last bits on other CPUs.
double cosine(double half_turns) {
    constexpr int kTerms = 12;
    double x = std::fmod(std::abs(half_turns), 2.0);
    if (x > 1.0) x = 2.0 - x;
    const bool is_negative = x > 0.5;
    if (is_negative) x = 1.0 - x;
    const double square = std::numbers::pi * x * std::numbers::pi * x;
    double term = 1.0;
    double sum = 1.0;
    for (int i = 1; i <= kTerms; ++i) {
        term *= -square / static_cast<double>((2 * i - 1) * (2 * i));
        sum += term;
    }
    return is_negative ? -sum : sum;
}

/// Element x of the k-th function of an orthonormal cosine transform of this length.
double basis_function(CosineKind kind, std::int64_t length, std::int64_t x, std::int64_t k) {
    if (length == 1) return 1.0;
    const auto n = static_cast<double>(length);
    const double kx = static_cast<double>(k) * static_cast<double>(x);
    if (kind == CosineKind::dct2) {
        return (k == 0 ? std::sqrt(1.0 / n) : std::sqrt(2.0 / n)) * cosine((kx + 0.5 * static_cast<double>(k)) / n);
    }
    const auto ends = [&](std::int64_t i) { return i == 0 || i == length - 1 ? std::numbers::sqrt2 / 2.0 : 1.0; };
    return ends(k) * ends(x) * std::sqrt(2.0 / (n - 1.0)) * cosine(kx / (n - 1.0));
}

}  // namespace

Tensor cosine_synthesis(CosineKind kind, std::int64_t height, std::int64_t width) {
    const std::int64_t taps = height * width;
    Tensor synthesis(Shape{taps, taps});
    for (std::int64_t tap = 0; tap < taps; ++tap) {
        for (std::int64_t function = 0; function < taps; ++function) {
            const double vertical = basis_function(kind, height, tap / width, function / width);
            const double horizontal = basis_function(kind, width, tap % width, function % width);
            synthesis[tap * taps + function] = static_cast<float>(vertical * horizontal);
        }
    }
    return synthesis;
}

}  // namespace eigenbit::internal
