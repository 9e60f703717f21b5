#include "engine/kernels/reference/convolution.h"

#include <algorithm>
#include <vector>

namespace eigenbit::internal {
namespace {

/// Calls visit(index in x, index in weights, index in y) for every product of the convolution.
template <typename Visit>
void for_each_product(const ConvolutionGeometry& g, const Visit& visit) {
    const std::int64_t inputs = g.i / g.groups;
    for (std::int64_t pixel = 0; pixel < g.n * g.oh * g.ow; ++pixel) {
        const std::int64_t n = pixel / (g.oh * g.ow);
        for (std::int64_t o = 0; o < g.o; ++o) {
            const std::int64_t group = o / (g.o / g.groups);
            for (std::int64_t tap = 0; tap < g.kh * g.kw; ++tap) {
                const std::int64_t iy = pixel / g.ow % g.oh * g.stride[0] - g.pad[0] + tap / g.kw * g.dilation[0];
                const std::int64_t ix = pixel % g.ow * g.stride[1] - g.pad[1] + tap % g.kw * g.dilation[1];
                if (iy < 0 || iy >= g.h || ix < 0 || ix >= g.w) continue;
                for (std::int64_t c = 0; c < inputs; ++c) {
                    visit(((n * g.h + iy) * g.w + ix) * g.i + group * inputs + c, (o * g.kh * g.kw + tap) * inputs + c,
                          pixel * g.o + o);
                }
            }
        }
    }
}

void add_to(const std::vector<double>& sums, bool accumulate, float* values) {
    for (std::size_t index = 0; index < sums.size(); ++index) {
        values[index] = static_cast<float>(sums[index] + (accumulate ? static_cast<double>(values[index]) : 0.0));
    }
}

std::vector<double> zeros(std::int64_t count) { return std::vector<double>(static_cast<std::size_t>(count)); }

}  // namespace

void convolution_forward_reference(const ConvolutionGeometry& g, const float* x, const float* weights,
                                   const ConvolutionEpilogue& epilogue, float* y) {
    std::vector<double> sums = zeros(g.n * g.oh * g.ow * g.o);
    for_each_product(g, [&](std::int64_t in, std::int64_t weight, std::int64_t out) {
        sums[static_cast<std::size_t>(out)] += static_cast<double>(x[in]) * static_cast<double>(weights[weight]);
    });
    for (std::size_t index = 0; index < sums.size(); ++index) {
        if (epilogue.bias) sums[index] += static_cast<double>(epilogue.bias[index % static_cast<std::size_t>(g.o)]);
        if (epilogue.residual) sums[index] += static_cast<double>(epilogue.residual[index]);
        // The operands are in the order that lets NaN through.
        y[index] = std::min(std::max(static_cast<float>(sums[index]), epilogue.low), epilogue.high);
    }
}

void convolution_input_gradient_reference(const ConvolutionGeometry& g, const float* dy, const float* weights,
                                          bool accumulate, float* dx) {
    std::vector<double> sums = zeros(g.n * g.h * g.w * g.i);
    for_each_product(g, [&](std::int64_t in, std::int64_t weight, std::int64_t out) {
        sums[static_cast<std::size_t>(in)] += static_cast<double>(dy[out]) * static_cast<double>(weights[weight]);
    });
    add_to(sums, accumulate, dx);
}

void convolution_weight_gradient_reference(const ConvolutionGeometry& g, const float* x, const float* dy,
                                           bool accumulate, float* dw, float* db) {
    std::vector<double> weight_sums = zeros(g.o * g.kh * g.kw * (g.i / g.groups));
    for_each_product(g, [&](std::int64_t in, std::int64_t weight, std::int64_t out) {
        weight_sums[static_cast<std::size_t>(weight)] += static_cast<double>(x[in]) * static_cast<double>(dy[out]);
    });
    if (dw) add_to(weight_sums, accumulate, dw);
    std::vector<double> bias_sums = zeros(g.o);
    for (std::int64_t index = 0; index < g.n * g.oh * g.ow * g.o; ++index) {
        bias_sums[static_cast<std::size_t>(index % g.o)] += static_cast<double>(dy[index]);
    }
    if (db) add_to(bias_sums, accumulate, db);
}

}  // namespace eigenbit::internal
