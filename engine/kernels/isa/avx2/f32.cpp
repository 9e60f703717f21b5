// float32 convolution for AVX2 and FMA: vectors of 8 output channels.

#include "engine/kernels/f32/kernels.h"

#include <immintrin.h>

namespace eigenbit::internal::avx2 {
namespace {

struct Vector {
    static constexpr size_t kWidth = 8;
    using Register = __m256;
    using Mask = __m256i;
    using Magnitudes = __m256i;

    static Mask mask(size_t lanes) {
        const int count = lanes >= kWidth ? static_cast<int>(kWidth) : static_cast<int>(lanes);
        return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    }
    static Register zero() { return _mm256_setzero_ps(); }
    static Register load(const float* from) { return _mm256_loadu_ps(from); }
    static Register load(const float* from, Mask lanes) { return _mm256_maskload_ps(from, lanes); }
    static Register broadcast(const float* from) { return _mm256_broadcast_ss(from); }
    static void store(float* to, Register values) { _mm256_storeu_ps(to, values); }
    static void store(float* to, Mask lanes, Register values) { _mm256_maskstore_ps(to, lanes, values); }
    static Register add(Register a, Register b) { return _mm256_add_ps(a, b); }
    static Register fma(Register a, Register b, Register c) { return _mm256_fmadd_ps(a, b, c); }
    /// The operands are in the order that lets NaN through.
    static Register clamp(Register values, Register low, Register high) {
        return _mm256_min_ps(high, _mm256_max_ps(low, values));
    }
    /// Magnitudes are compared as whole numbers, among which NaN and infinity are the largest.
    static Magnitudes largest(Magnitudes a, Register values) {
        return _mm256_max_epi32(a, _mm256_and_si256(_mm256_castps_si256(values), _mm256_set1_epi32(0x7FFFFFFF)));
    }
    static bool at_most(Magnitudes values, float limit) {
        const __m256i above = _mm256_cmpgt_epi32(values, _mm256_castps_si256(_mm256_set1_ps(limit)));
        return _mm256_testz_si256(above, above) != 0;
    }
};

// 16 registers. Two FMAs a cycle with a latency of four or five want ten accumulators.
constexpr size_t kPanelVectors = 2;
constexpr size_t kTileRows[kPanelVectors + 1] = {0, 10, 6};
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

}  // namespace eigenbit::internal::avx2
