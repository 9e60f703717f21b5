// float32 convolution for AVX-512: vectors of 16 output channels.

#include "engine/kernels/f32/kernels.h"

#include <immintrin.h>

namespace eigenbit::internal::avx512vnni {
namespace {

struct Vector {
    static constexpr size_t kWidth = 16;
    using Register = __m512;
    using Mask = __mmask16;
    using Magnitudes = __m512i;

    static Mask mask(size_t lanes) { return static_cast<Mask>(lanes >= kWidth ? 0xFFFFU : (1U << lanes) - 1U); }
    static Register zero() { return _mm512_setzero_ps(); }
    static Register load(const float* from) { return _mm512_loadu_ps(from); }
    static Register load(const float* from, Mask lanes) { return _mm512_maskz_loadu_ps(lanes, from); }
    static Register broadcast(const float* from) { return _mm512_set1_ps(*from); }
    static void store(float* to, Register values) { _mm512_storeu_ps(to, values); }
    static void store(float* to, Mask lanes, Register values) { _mm512_mask_storeu_ps(to, lanes, values); }
    static Register add(Register a, Register b) { return _mm512_add_ps(a, b); }
    static Register fma(Register a, Register b, Register c) { return _mm512_fmadd_ps(a, b, c); }
    /// The operands are in the order that lets NaN through.
    static Register clamp(Register values, Register low, Register high) {
        return _mm512_min_ps(high, _mm512_max_ps(low, values));
    }
    /// Magnitudes are compared as whole numbers, among which NaN and infinity are the largest.
    static Magnitudes largest(Magnitudes a, Register values) {
        return _mm512_max_epi32(a, _mm512_and_si512(_mm512_castps_si512(values), _mm512_set1_epi32(0x7FFFFFFF)));
    }
    static bool at_most(Magnitudes values, float limit) {
        return _mm512_cmpgt_epi32_mask(values, _mm512_castps_si512(_mm512_set1_ps(limit))) == 0;
    }
};

// 32 registers. Four vectors of weights and six pixels need 10 loads for 24 FMAs; a single vector is bound by its
// loads.
constexpr size_t kPanelVectors = 4;
constexpr size_t kTileRows[kPanelVectors + 1] = {0, 12, 8, 8, 6};
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

}  // namespace eigenbit::internal::avx512vnni
