// Integer kernels for AVX2: vectors of 8 output channels. The instruction that multiplies bytes (vpmaddubsw) puts sums
// of two products into 16 bits. It is used where weights are so small that these fit; else products are made of 16-bit
// halves: the even and the odd bytes of four apart.

#include "engine/kernels/int8/kernels.h"

#include <immintrin.h>

namespace eigenbit::internal::avx2 {
namespace {

struct Vector {
    static constexpr size_t kWidth = 8;
    using Sums = __m256i;
    using Floats = __m256;
    struct Halves {
        __m256i even, odd;  // 16-bit integers
    };
    using Inputs = Halves;
    using Weights = Halves;
    using Mask = size_t;  // the number of lanes

    static Mask mask(size_t lanes) { return lanes < kWidth ? lanes : kWidth; }
    static Sums load_sums(const int32_t* from) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)); }
    static void store_sums(int32_t* to, Sums sums) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), sums); }
    static Sums load_quads(const int8_t* from) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)); }
    static Weights load_weights(const int8_t* from) { return to_weights(load_quads(from)); }
    static Weights to_weights(Sums quads) {
        return {_mm256_srai_epi16(_mm256_slli_epi16(quads, 8), 8), _mm256_srai_epi16(quads, 8)};
    }
    static Sums load_packed(const uint8_t* from) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)); }
    /// Every 16-bit integer shifted to the right, or to the left where kShift is negative.
    template <int kShift>
    static Sums shifted(Sums values) {
        if constexpr (kShift > 0) return _mm256_srli_epi16(values, kShift);
        if constexpr (kShift < 0) return _mm256_slli_epi16(values, -kShift);
        return values;
    }
    /// The bits of `mask` of every byte.
    static Sums masked(Sums values, int mask) {
        return _mm256_and_si256(values, _mm256_set1_epi8(static_cast<char>(mask)));
    }

    using Table = __m256i;  // 16 bytes, twice
    static Table load_table(const int8_t* from) {
        return _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
    }
    /// The bytes of the table at the lowest four bits of every byte, of which the highest must be 0.
    static Sums lookup(Table table, Sums indices) { return _mm256_shuffle_epi8(table, indices); }
    /// The bytes of `values`, those negated whose index, of five bits, has its fifth set.
    static Sums turned(Sums values, Sums indices) {
        return _mm256_sign_epi8(values, _mm256_or_si256(_mm256_slli_epi16(indices, 3), _mm256_set1_epi8(1)));
    }
    static Sums add_bytes(Sums a, Sums b) { return _mm256_add_epi8(a, b); }
    static void store_codes(int8_t* to, Sums codes) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), codes); }

    static Sums repeat(const uint8_t* from) {
        int32_t four_bytes;
        __builtin_memcpy(&four_bytes, from, sizeof four_bytes);
        return _mm256_set1_epi32(four_bytes);
    }
    static Inputs broadcast_quad(const uint8_t* from) { return to_inputs(repeat(from)); }
    static Inputs to_inputs(Sums quads) {
        return {_mm256_and_si256(quads, _mm256_set1_epi16(0xFF)), _mm256_srli_epi16(quads, 8)};
    }
    static Sums dot(Sums sums, Inputs x, Weights w) {
        const __m256i even = _mm256_madd_epi16(x.even, w.even);
        return _mm256_add_epi32(sums, _mm256_add_epi32(even, _mm256_madd_epi16(x.odd, w.odd)));
    }

    using Words = __m256i;  // sums of 16 bits, two in a lane
    static Words multiply_words(Sums x, Sums w) { return _mm256_maddubs_epi16(x, w); }
    // Additions by instructions in their order: the compiler would make all products first, for which registers do not
    // suffice, or move sums from register to register (measured).
    static Words add_to_words(Words words, Sums x, Sums w) {
        asm volatile("vpaddw %1, %0, %0" : "+x"(words) : "x"(multiply_words(x, w)));
        return words;
    }
    static Sums add_words(Sums sums, Words words) {
        return _mm256_add_epi32(sums, _mm256_madd_epi16(words, _mm256_set1_epi16(1)));
    }
    /// For weights whose sums of products fit words.
    static Sums add_products(Sums sums, Sums x, Sums w) {
        const __m256i products = _mm256_madd_epi16(multiply_words(x, w), _mm256_set1_epi16(1));
        asm volatile("vpaddd %1, %0, %0" : "+x"(sums) : "x"(products));
        return sums;
    }
    static Sums add_products(Sums sums, Sums x, Sums w, Sums next, Sums next_w) {
        const __m256i words = _mm256_add_epi16(multiply_words(x, w), multiply_words(next, next_w));
        const __m256i products = _mm256_madd_epi16(words, _mm256_set1_epi16(1));
        asm volatile("vpaddd %1, %0, %0" : "+x"(sums) : "x"(products));
        return sums;
    }

    static Sums load_bytes(const uint8_t* from) {
        return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from)));
    }
    static Sums load_bytes(const uint8_t* from, Mask lanes) {
        uint8_t bytes[kWidth] = {};
        for (size_t lane = 0; lane < lanes; ++lane) bytes[lane] = from[lane];
        return load_bytes(bytes);
    }

    /// quads[v] = the bytes of four taps, interleaved, of every fourth channel from 4 v on.
    template <bool kWhole>
    static void interleave(const uint8_t* a, const uint8_t* b, const uint8_t* c, const uint8_t* d, size_t channels,
                           Sums (&quads)[4]) {
        const auto load_tap = [channels](const uint8_t* from) {
            if (kWhole) return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
            if (channels % 4 == 0) {
                return _mm256_maskload_epi32(reinterpret_cast<const int*>(from), lanes_below(channels / 4));
            }
            uint8_t bytes[4 * kWidth] = {};
            __builtin_memcpy(bytes, from, channels);
            return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes));
        };
        const __m256i tap_a = load_tap(a);
        const __m256i tap_b = load_tap(b);
        const __m256i tap_c = load_tap(c);
        const __m256i tap_d = load_tap(d);
        const __m256i ab_low = _mm256_unpacklo_epi8(tap_a, tap_b);
        const __m256i ab_high = _mm256_unpackhi_epi8(tap_a, tap_b);
        const __m256i cd_low = _mm256_unpacklo_epi8(tap_c, tap_d);
        const __m256i cd_high = _mm256_unpackhi_epi8(tap_c, tap_d);
        quads[0] = _mm256_unpacklo_epi16(ab_low, cd_low);
        quads[1] = _mm256_unpackhi_epi16(ab_low, cd_low);
        quads[2] = _mm256_unpacklo_epi16(ab_high, cd_high);
        quads[3] = _mm256_unpackhi_epi16(ab_high, cd_high);
    }
    using Lowest = __m256i;  // the least byte, of each channel
    static Lowest lowest(float low) { return _mm256_set1_epi8(static_cast<char>(_mm_cvtss_si32(_mm_set_ss(low)))); }
    /// The opposite of interleave, of floats of at most 255, and raised to low.
    static void store_interleaved(uint8_t* to, const Floats (&values)[4], Lowest low) {
        const __m256i words01 = _mm256_packs_epi32(_mm256_cvtps_epi32(values[0]), _mm256_cvtps_epi32(values[1]));
        const __m256i words23 = _mm256_packs_epi32(_mm256_cvtps_epi32(values[2]), _mm256_cvtps_epi32(values[3]));
        const __m256i bytes = _mm256_max_epu8(low, _mm256_packus_epi16(words01, words23));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), bytes);
    }
    static void store_interleaved(uint8_t* to, size_t channels, const Floats (&values)[4], Lowest low) {
        uint8_t bytes[4 * kWidth];
        store_interleaved(bytes, values, low);
        __builtin_memcpy(to, bytes, channels);
    }

    static Floats to_floats(Sums sums) { return _mm256_cvtepi32_ps(sums); }
    static Floats broadcast(float value) { return _mm256_set1_ps(value); }
    static __m256i lanes_below(Mask lanes) {
        return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(lanes)),
                                  _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    }
    static Floats load(const float* from) { return _mm256_loadu_ps(from); }
    static Floats load(const float* from, Mask lanes) { return _mm256_maskload_ps(from, lanes_below(lanes)); }
    static Floats load(const uint8_t* from) { return to_floats(load_bytes(from)); }
    static Floats load(const uint8_t* from, Mask lanes) { return to_floats(load_bytes(from, lanes)); }
    static Floats multiply_add(Floats a, Floats b, Floats c) { return _mm256_add_ps(_mm256_mul_ps(a, b), c); }
    static Floats at_most(Floats high, Floats values) { return _mm256_min_ps(high, values); }
    static Floats at_least(Floats low, Floats values) { return _mm256_max_ps(low, values); }
    static Floats clamp(Floats values, Floats low, Floats high) { return at_most(high, at_least(low, values)); }
    static Floats divide(Floats values, const Int8Divisor& divisor) {
        return _mm256_fmadd_ps(values, broadcast(divisor.reciprocal), _mm256_mul_ps(values, broadcast(divisor.rest)));
    }
    static void store(float* to, Floats values) { _mm256_storeu_ps(to, values); }
    static void store(float* to, Mask lanes, Floats values) { _mm256_maskstore_ps(to, lanes_below(lanes), values); }
    static __m128i to_bytes(Floats values) {
        const __m256i integers = _mm256_cvtps_epi32(values);
        const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(integers), _mm256_extracti128_si256(integers, 1));
        return _mm_packus_epi16(words, words);
    }
    static void store(uint8_t* to, Floats values) {
        _mm_storel_epi64(reinterpret_cast<__m128i*>(to), to_bytes(values));
    }
    static void store(uint8_t* to, Mask lanes, Floats values) {
        uint8_t bytes[kWidth];
        store(bytes, values);
        for (size_t lane = 0; lane < lanes; ++lane) to[lane] = bytes[lane];
    }

    static constexpr bool kSmallPairsAreFaster = true;

    static constexpr size_t kLeastPanelVectors = 2;
    static bool stores_panel(size_t channels) { return channels == 2 * kWidth; }
    template <typename Element>
    static Floats load_of_panel(const Element* from, size_t channel, size_t) {
        return load(from + channel);
    }
    static void store_panel(uint8_t* to, size_t, const Floats (&values)[2], Lowest low) {
        const __m256i words = _mm256_packs_epi32(_mm256_cvtps_epi32(values[0]), _mm256_cvtps_epi32(values[1]));
        const __m128i bytes = _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
        const __m128i ordered = _mm_shuffle_epi32(bytes, _MM_SHUFFLE(3, 1, 2, 0));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm_max_epu8(_mm256_castsi256_si128(low), ordered));
    }
};

// 16 registers: the sums leave room for weights, an input and a product.
constexpr size_t kPanelVectors = 2;
constexpr size_t kTileRows[kPanelVectors + 1] = {0, 12, 6};
constexpr size_t kDoubleTileRows[kPanelVectors + 1] = {0, 8, 4};
constexpr size_t kRowPixels = 2;
constexpr size_t kDepthwiseRows = 1;

#include "engine/kernels/f32/exponential_tiles.h"
#include "engine/kernels/loops/pixel_tiles.h"
// After them.
#include "engine/kernels/int8/output_function_tiles.h"
// After it.
#include "engine/kernels/int8/convolution_tiles.h"
#include "engine/kernels/int8/depthwise_tiles.h"
#include "engine/kernels/int8/int16_pair_tiles.h"
#include "engine/kernels/int8/int16_run_tiles.h"
#include "engine/kernels/lowbit/bit_plane_tiles.h"
// After it.
#include "engine/kernels/int8/quantize_tiles.h"
#include "engine/kernels/int8/rounded_product_tiles.h"
#include "engine/kernels/lowbit/codebook_tiles.h"
#include "engine/kernels/lowbit/gemv_tiles.h"

void convolution(const Int8Block& block) {
    if (!block.int16_runs) return run_tiles<SumTile, kTileRows>(block);
    if (block.pair_runs) return run_tiles<Int16PairTile, kDoubleTileRows>(block);
    run_tiles<Int16RunTile, kTileRows>(block);
}

}  // namespace

constexpr Int8Kernels kInt8Kernels = {
    .width = Vector::kWidth,
    .panel_vectors = kPanelVectors,
    .accumulates_int16 = true,
    .convolution = &convolution,
    .depthwise_convolution = &depthwise_convolution,
    .gemv_lowbit = &gemv_lowbit,
    .unpack_codes = &unpack_codes,
    .quantize_rows = &quantize_rows,
    .rounded_product = &rounded_product,
};

}  // namespace eigenbit::internal::avx2
