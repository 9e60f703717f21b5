// Integer kernels for AVX-512 with VNNI: vectors of 16 output channels, four products in each lane at once.

#include "engine/kernels/int8/kernels.h"

#include <immintrin.h>

namespace eigenbit::internal::avx512vnni {
namespace {

struct Vector {
    static constexpr size_t kWidth = 16;
    using Sums = __m512i;
    using Floats = __m512;
    using Inputs = __m512i;
    using Weights = __m512i;
    using Mask = __mmask16;

    static Mask mask(size_t lanes) { return static_cast<Mask>(lanes >= kWidth ? 0xFFFFU : (1U << lanes) - 1U); }
    static Sums load_sums(const int32_t* from) { return _mm512_loadu_si512(from); }
    static void store_sums(int32_t* to, Sums sums) { _mm512_storeu_si512(to, sums); }
    static Weights load_weights(const int8_t* from) { return _mm512_loadu_si512(from); }
    static Weights to_weights(Sums quads) { return quads; }
    static Sums load_packed(const uint8_t* from) { return _mm512_loadu_si512(from); }
    /// Every 16-bit integer shifted to the right, or to the left where kShift is negative.
    template <int kShift>
    static Sums shifted(Sums values) {
        if constexpr (kShift > 0) return _mm512_srli_epi16(values, kShift);
        if constexpr (kShift < 0) return _mm512_slli_epi16(values, -kShift);
        return values;
    }
    /// The bits of `mask` of every byte.
    static Sums masked(Sums values, int mask) {
        return _mm512_and_si512(values, _mm512_set1_epi8(static_cast<char>(mask)));
    }

    using Table = __m512i;  // 16 bytes, four times
    static Table load_table(const int8_t* from) {
        return _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
    }
    /// The bytes of the table at the lowest four bits of every byte, of which the highest must be 0.
    static Sums lookup(Table table, Sums indices) { return _mm512_shuffle_epi8(table, indices); }
    /// The bytes of `values`, those negated whose index has its fifth bit set.
    static Sums turned(Sums values, Sums indices) {
        const __mmask64 is_turned = _mm512_test_epi8_mask(indices, _mm512_set1_epi8(16));
        return _mm512_mask_sub_epi8(values, is_turned, _mm512_setzero_si512(), values);
    }
    static Sums add_bytes(Sums a, Sums b) { return _mm512_add_epi8(a, b); }
    static void store_codes(int8_t* to, Sums codes) { _mm512_storeu_si512(to, codes); }

    static Inputs broadcast_quad(const uint8_t* from) {
        int32_t quad;
        __builtin_memcpy(&quad, from, sizeof quad);
        return _mm512_set1_epi32(quad);
    }
    static Sums dot(Sums sums, Inputs x, Weights w) { return _mm512_dpbusd_epi32(sums, x, w); }

    static Sums load_bytes(const uint8_t* from) {
        return _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
    }
    static Sums load_bytes(const uint8_t* from, Mask lanes) {
        return _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(lanes, from));
    }

    static Inputs to_inputs(Sums quads) { return quads; }
    /// quads[v] = the bytes of four taps, interleaved, of every fourth channel from 4 v on.
    template <bool kWhole>
    static void interleave(const uint8_t* a, const uint8_t* b, const uint8_t* c, const uint8_t* d, size_t channels,
                           Sums (&quads)[4]) {
        const __mmask64 lanes = kWhole ? ~__mmask64{0} : (__mmask64{1} << channels) - 1;
        const auto load_tap = [lanes](const uint8_t* from) {
            return kWhole ? _mm512_loadu_si512(from) : _mm512_maskz_loadu_epi8(lanes, from);
        };
        const __m512i tap_a = load_tap(a);
        const __m512i tap_b = load_tap(b);
        const __m512i tap_c = load_tap(c);
        const __m512i tap_d = load_tap(d);
        const __m512i ab_low = _mm512_unpacklo_epi8(tap_a, tap_b);
        const __m512i ab_high = _mm512_unpackhi_epi8(tap_a, tap_b);
        const __m512i cd_low = _mm512_unpacklo_epi8(tap_c, tap_d);
        const __m512i cd_high = _mm512_unpackhi_epi8(tap_c, tap_d);
        quads[0] = _mm512_unpacklo_epi16(ab_low, cd_low);
        quads[1] = _mm512_unpackhi_epi16(ab_low, cd_low);
        quads[2] = _mm512_unpacklo_epi16(ab_high, cd_high);
        quads[3] = _mm512_unpackhi_epi16(ab_high, cd_high);
    }
    using Lowest = __m512i;  // the least byte, of each channel
    static Lowest lowest(float low) { return _mm512_set1_epi8(static_cast<char>(_mm_cvtss_si32(_mm_set_ss(low)))); }
    /// Rounded and clamped to low … 255; four of each vector in turn, and any where there are fewer than four.
    template <size_t kVectors>
    static __m512i packed(const Floats (&values)[kVectors], Lowest low) {
        const auto words = [&](size_t v) {
            const __m512i first = _mm512_cvtps_epi32(values[v]);
            return _mm512_packs_epi32(first, v + 1 < kVectors ? _mm512_cvtps_epi32(values[v + 1]) : first);
        };
        const __m512i words01 = words(0);
        return _mm512_max_epu8(low, _mm512_packus_epi16(words01, kVectors > 2 ? words(2) : words01));
    }
    static __mmask64 first_bytes(size_t channels) { return ~__mmask64{0} >> (64 - channels); }
    /// The opposite of interleave, of floats of at most 255, and raised to low.
    static void store_interleaved(uint8_t* to, const Floats (&values)[4], Lowest low) {
        _mm512_storeu_si512(to, packed(values, low));
    }
    static void store_interleaved(uint8_t* to, size_t channels, const Floats (&values)[4], Lowest low) {
        _mm512_mask_storeu_epi8(to, first_bytes(channels), packed(values, low));
    }

    static Floats to_floats(Sums sums) { return _mm512_cvtepi32_ps(sums); }
    static Floats broadcast(float value) { return _mm512_set1_ps(value); }
    static Floats load(const float* from) { return _mm512_loadu_ps(from); }
    static Floats load(const float* from, Mask lanes) { return _mm512_maskz_loadu_ps(lanes, from); }
    static Floats load(const uint8_t* from) { return to_floats(load_bytes(from)); }
    static Floats load(const uint8_t* from, Mask lanes) { return to_floats(load_bytes(from, lanes)); }
    static Floats multiply_add(Floats a, Floats b, Floats c) { return _mm512_add_ps(_mm512_mul_ps(a, b), c); }
    static Floats at_most(Floats high, Floats values) { return _mm512_min_ps(high, values); }
    static Floats at_least(Floats low, Floats values) { return _mm512_max_ps(low, values); }
    static Floats clamp(Floats values, Floats low, Floats high) { return at_most(high, at_least(low, values)); }
    static Floats divide(Floats values, const Int8Divisor& divisor) {
        return _mm512_fmadd_ps(values, broadcast(divisor.reciprocal), _mm512_mul_ps(values, broadcast(divisor.rest)));
    }
    static void store(float* to, Floats values) { _mm512_storeu_ps(to, values); }
    static void store(float* to, Mask lanes, Floats values) { _mm512_mask_storeu_ps(to, lanes, values); }
    static __m128i to_bytes(Floats values) { return _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(values)); }
    static void store(uint8_t* to, Floats values) {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to), to_bytes(values));
    }
    static void store(uint8_t* to, Mask lanes, Floats values) { _mm_mask_storeu_epi8(to, lanes, to_bytes(values)); }

    static constexpr bool kSmallPairsAreFaster = false;
    static Inputs repeat(const uint8_t* quad) { return broadcast_quad(quad); }
    static Weights load_quads(const int8_t* from) { return load_weights(from); }
    static Sums add_products(Sums sums, Inputs x, Weights w) { return dot(sums, x, w); }

    static constexpr size_t kLeastPanelVectors = 1;
    static bool stores_panel(size_t) { return true; }
    template <typename Element>
    static Floats load_of_panel(const Element* from, size_t channel, size_t channels) {
        return load(from + channel, mask(channels - channel));
    }
    template <size_t kVectors>
    static void store_panel(uint8_t* to, size_t channels, const Floats (&values)[kVectors], Lowest low) {
        const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
        _mm512_mask_storeu_epi8(to, first_bytes(channels), _mm512_permutexvar_epi32(order, packed(values, low)));
    }
};

// 32 registers: as for floats.
constexpr size_t kPanelVectors = 4;
constexpr size_t kTileRows[kPanelVectors + 1] = {0, 12, 12, 8, 6};
constexpr size_t kRowPixels = 4;
constexpr size_t kDepthwiseRows = 4;

#include "engine/kernels/f32/exponential_tiles.h"
#include "engine/kernels/loops/pixel_tiles.h"
// After them.
#include "engine/kernels/int8/output_function_tiles.h"
// After it.
#include "engine/kernels/int8/convolution_tiles.h"
#include "engine/kernels/int8/depthwise_tiles.h"
#include "engine/kernels/lowbit/bit_plane_tiles.h"
// After it.
#include "engine/kernels/int8/quantize_tiles.h"
#include "engine/kernels/int8/rounded_product_tiles.h"
#include "engine/kernels/lowbit/codebook_tiles.h"
#include "engine/kernels/lowbit/gemv_tiles.h"

void convolution(const Int8Block& block) { run_tiles<SumTile, kTileRows>(block); }

}  // namespace

constexpr Int8Kernels kInt8Kernels = {
    .width = Vector::kWidth,
    .panel_vectors = kPanelVectors,
    .accumulates_int16 = false,
    .convolution = &convolution,
    .depthwise_convolution = &depthwise_convolution,
    .gemv_lowbit = &gemv_lowbit,
    .unpack_codes = &unpack_codes,
    .quantize_rows = &quantize_rows,
    .rounded_product = &rounded_product,
};

}  // namespace eigenbit::internal::avx512vnni
