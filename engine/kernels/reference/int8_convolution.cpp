#include "engine/kernels/reference/int8_convolution.h"

#include "engine/kernels/int8/output_function.h"

#include <algorithm>
#include <cmath>

namespace eigenbit::internal {
namespace {

/// Σ (x − zero_point) · weight of one output.
std::int64_t sum_products(const ConvolutionGeometry& g, std::span<const std::int8_t> weights, std::int64_t zero_point,
                          const std::uint8_t* x, std::int64_t pixel, std::int64_t o) {
    const std::int64_t inputs = g.i / g.groups;
    const std::int64_t group = o / (g.o / g.groups);
    const std::int64_t n = pixel / (g.oh * g.ow);
    std::int64_t sum = 0;
    for (std::int64_t tap = 0; tap < g.kh * g.kw; ++tap) {
        const std::int64_t iy = pixel / g.ow % g.oh * g.stride[0] - g.pad[0] + tap / g.kw * g.dilation[0];
        const std::int64_t ix = pixel % g.ow * g.stride[1] - g.pad[1] + tap % g.kw * g.dilation[1];
        if (iy < 0 || iy >= g.h || ix < 0 || ix >= g.w) continue;
        for (std::int64_t c = 0; c < inputs; ++c) {
            const std::int64_t value = x[((n * g.h + iy) * g.w + ix) * g.i + group * inputs + c];
            sum += (value - zero_point) * weights[static_cast<std::size_t>((o * g.kh * g.kw + tap) * inputs + c)];
        }
    }
    return sum;
}

}  // namespace

void integer_convolution_reference(const ConvolutionGeometry& g, std::span<const std::int8_t> weights,
                                   std::uint8_t zero_point, const Int8Channels& channels, const std::uint8_t* x,
                                   const Int8Output& output) {
    for (std::int64_t y = 0; y < g.n * g.oh * g.ow * g.o; ++y) {
        const auto o = static_cast<std::size_t>(y % g.o);
        const std::int64_t sum = sum_products(g, weights, zero_point, x, y / g.o, y % g.o);
        const float slope = channels.slopes.empty() ? 0.0F : channels.slopes[o];
        float value = static_cast<float>(sum) * channels.scale[o] + channels.bias[o];
        if (output.residual) value += output.residual[y] * output.residual_scale;
        if (output.residual_bytes) value += static_cast<float>(output.residual_bytes[y]) * output.residual_scale;
        value = std::clamp(output_of(output.function, slope, value, output.bytes), output.low, output.high);
        if (output.bytes) {
            output.bytes[y] = static_cast<std::uint8_t>(std::lrint(value));
        } else {
            output.floats[y] = value;
        }
    }
}

}  // namespace eigenbit::internal
