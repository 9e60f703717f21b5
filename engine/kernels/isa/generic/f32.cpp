// float32 convolution for every CPU, in the compiler's own vectors of 4 output channels.

#include "engine/kernels/f32/kernels.h"

#include <string.h>

namespace eigenbit::internal::generic {
namespace {

struct Vector {
    static constexpr size_t kWidth = 4;
    using Register = float __attribute__((vector_size(16)));
    using Mask = size_t;  // the number of lanes
    using Magnitudes = int32_t __attribute__((vector_size(16)));

    static Mask mask(size_t lanes) { return lanes < kWidth ? lanes : kWidth; }
    static Register zero() { return Register{}; }
    static Register load(const float* from) {
        Register values;
        memcpy(&values, from, sizeof values);
        return values;
    }
    static Register load(const float* from, Mask lanes) {
        if (lanes == kWidth) return load(from);
        Register values{};
        for (size_t lane = 0; lane < lanes; ++lane) values[lane] = from[lane];
        return values;
    }
    static Register broadcast(const float* from) { return Register{*from, *from, *from, *from}; }
    static void store(float* to, Register values) { memcpy(to, &values, sizeof values); }
    static void store(float* to, Mask lanes, Register values) {
        if (lanes == kWidth) return store(to, values);
        for (size_t lane = 0; lane < lanes; ++lane) to[lane] = values[lane];
    }
    static Register add(Register a, Register b) { return a + b; }
    static Register fma(Register a, Register b, Register c) { return a * b + c; }
    /// Comparisons with NaN are false: it passes.
    static Register clamp(Register values, Register low, Register high) {
        values = values < low ? low : values;
        return values > high ? high : values;
    }
    /// Magnitudes are compared as whole numbers, among which NaN and infinity are the largest.
    static Magnitudes largest(Magnitudes a, Register values) {
        Magnitudes b;
        memcpy(&b, &values, sizeof b);
        b &= 0x7FFFFFFF;
        return a > b ? a : b;
    }
    static bool at_most(Magnitudes values, float limit) {
        int32_t most;
        memcpy(&most, &limit, sizeof most);
        const Magnitudes above = values > most;
        return (above[0] | above[1] | above[2] | above[3]) == 0;
    }
};

constexpr size_t kPanelVectors = 2;
constexpr size_t kTileRows[kPanelVectors + 1] = {0, 8, 5};
constexpr size_t kDepthwiseRows = 9;

#include "engine/kernels/loops/pixel_tiles.h"
// After it.
#include "engine/kernels/f32/exponential_tiles.h"
#include "engine/kernels/f32/forward_tiles.h"
#include "engine/kernels/f32/function_tiles.h"
#include "engine/kernels/f32/gemm_tiles.h"
#include "engine/kernels/f32/gradient_tiles.h"
#include "engine/kernels/f32/winograd_transforms.h"

}  // namespace

constexpr ConvolutionKernels kConvolutionKernels = {
    Vector::kWidth,
    kPanelVectors,
    &forward<>,
    &depthwise_forward,
    &weight_gradient<>,
    &depthwise_weight_gradient,
    &winograd_source,
    &winograd_gradient,
    &winograd_output,
    &dot,
    &axpy,
    &apply_function,
};

}  // namespace eigenbit::internal::generic
