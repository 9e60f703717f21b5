// Integer kernels for every CPU: vectors of 4 output channels, which the compiler makes of plain loops.

#include "engine/kernels/int8/kernels.h"

#include <string.h>

namespace eigenbit::internal::generic {
namespace {

struct Vector {
    static constexpr size_t kWidth = 4;
    using Sums = int32_t __attribute__((vector_size(16)));
    using Floats = float __attribute__((vector_size(16)));
    struct Inputs {
        Sums bytes[4];  // the lowest bytes of all lanes, the next …
    };
    using Weights = Sums;  // four bytes in a lane
    using Mask = size_t;   // the number of lanes

    static Mask mask(size_t lanes) { return lanes < kWidth ? lanes : kWidth; }
    static Sums load_sums(const int32_t* from) {
        Sums values;
        memcpy(&values, from, sizeof values);
        return values;
    }
    static void store_sums(int32_t* to, Sums sums) { memcpy(to, &sums, sizeof sums); }
    static Weights load_weights(const int8_t* from) {
        Weights values;
        memcpy(&values, from, sizeof values);
        return values;
    }
    static Weights to_weights(Sums quads) { return quads; }
    static Sums load_packed(const uint8_t* from) {
        Sums values;
        memcpy(&values, from, sizeof values);
        return values;
    }
    /// Shifted to the right, or to the left where kShift is negative.
    template <int kShift>
    static Sums shifted(Sums values) {
        if constexpr (kShift > 0) return values >> kShift;
        if constexpr (kShift < 0) return values << -kShift;
        return values;
    }
    /// The bits of `mask` of every byte.
    static Sums masked(Sums values, int mask) { return values & mask * 0x01010101; }

    using Table = const int8_t*;
    using Bytes = uint8_t __attribute__((vector_size(16)));
    static Table load_table(const int8_t* from) { return from; }
    /// The bytes of the table at the lowest four bits of every byte.
    static Sums lookup(Table table, Sums indices) {
        Bytes bytes = reinterpret_cast<Bytes>(indices);
        for (size_t i = 0; i < sizeof bytes; ++i) bytes[i] = static_cast<uint8_t>(table[bytes[i] & 15]);
        return reinterpret_cast<Sums>(bytes);
    }
    /// The bytes of `values`, those negated whose index has its fifth bit set.
    static Sums turned(Sums values, Sums indices) {
        const Bytes turns = -(reinterpret_cast<Bytes>(indices) >> 4 & 1);
        return reinterpret_cast<Sums>((reinterpret_cast<Bytes>(values) ^ turns) - turns);
    }
    static Sums add_bytes(Sums a, Sums b) {
        return reinterpret_cast<Sums>(reinterpret_cast<Bytes>(a) + reinterpret_cast<Bytes>(b));
    }
    static void store_codes(int8_t* to, Sums codes) { memcpy(to, &codes, sizeof codes); }

    static Inputs broadcast_quad(const uint8_t* from) {
        return {{Sums{} + from[0], Sums{} + from[1], Sums{} + from[2], Sums{} + from[3]}};
    }
    static Inputs to_inputs(Sums quads) {
        return {{quads & 255, quads >> 8 & 255, quads >> 16 & 255, quads >> 24 & 255}};
    }
    static Sums dot(Sums sums, Inputs x, Weights w) {
        // The bytes of a lane, the lowest first, sign-extended by shifts.
        return sums + x.bytes[0] * ((w << 24) >> 24) + x.bytes[1] * ((w << 16) >> 24) + x.bytes[2] * ((w << 8) >> 24)
               + x.bytes[3] * (w >> 24);
    }

    static Sums load_bytes(const uint8_t* from) { return Sums{from[0], from[1], from[2], from[3]}; }
    static Sums load_bytes(const uint8_t* from, Mask lanes) {
        Sums values{};
        for (size_t lane = 0; lane < lanes; ++lane) values[lane] = from[lane];
        return values;
    }

    /// quads[v] = the bytes of four taps, interleaved, of every fourth channel from 4 v on.
    template <bool kWhole>
    static void interleave(const uint8_t* a, const uint8_t* b, const uint8_t* c, const uint8_t* d, size_t channels,
                           Sums (&quads)[4]) {
        int32_t lanes[4 * kWidth];
        for (size_t channel = 0; channel < 4 * kWidth; ++channel) {
            const bool exists = kWhole || channel < channels;
            lanes[channel] = exists ? a[channel] | b[channel] << 8 | c[channel] << 16 | d[channel] << 24 : 0;
        }
        memcpy(&quads, lanes, sizeof quads);
    }
    using Lowest = Floats;
    static Lowest lowest(float low) { return broadcast(low); }
    /// The opposite of interleave, of floats of at most 255, and raised to low.
    static void store_interleaved(uint8_t* to, const Floats (&values)[4], Lowest low) {
        for (size_t v = 0; v < 4; ++v) store(to + 4 * v, values[v] < low ? low : values[v]);
    }
    static void store_interleaved(uint8_t* to, size_t channels, const Floats (&values)[4], Lowest low) {
        uint8_t bytes[4 * kWidth];
        store_interleaved(bytes, values, low);
        for (size_t channel = 0; channel < channels; ++channel) to[channel] = bytes[channel];
    }

    static Floats to_floats(Sums sums) { return __builtin_convertvector(sums, Floats); }
    static Floats broadcast(float value) { return Floats{value, value, value, value}; }
    static Floats load(const float* from) {
        Floats values;
        memcpy(&values, from, sizeof values);
        return values;
    }
    static Floats load(const float* from, Mask lanes) {
        Floats values{};
        for (size_t lane = 0; lane < lanes; ++lane) values[lane] = from[lane];
        return values;
    }
    static Floats load(const uint8_t* from) { return to_floats(load_bytes(from)); }
    static Floats load(const uint8_t* from, Mask lanes) { return to_floats(load_bytes(from, lanes)); }
    static Floats multiply_add(Floats a, Floats b, Floats c) { return a * b + c; }
    static Floats at_most(Floats high, Floats values) { return values > high ? high : values; }
    static Floats at_least(Floats low, Floats values) { return values < low ? low : values; }
    static Floats clamp(Floats values, Floats low, Floats high) { return at_most(high, at_least(low, values)); }
    static Floats divide(Floats values, const Int8Divisor& divisor) { return values / divisor.value; }
    static void store(float* to, Floats values) { memcpy(to, &values, sizeof values); }
    static void store(float* to, Mask lanes, Floats values) {
        for (size_t lane = 0; lane < lanes; ++lane) to[lane] = values[lane];
    }
    static void store(uint8_t* to, Floats values) { store(to, kWidth, values); }
    static void store(uint8_t* to, Mask lanes, Floats values) {
        for (size_t lane = 0; lane < lanes; ++lane) to[lane] = static_cast<uint8_t>(__builtin_lrintf(values[lane]));
    }

    static constexpr bool kSmallPairsAreFaster = false;
    static Inputs repeat(const uint8_t* quad) { return broadcast_quad(quad); }
    static Weights load_quads(const int8_t* from) { return load_weights(from); }
    static Sums add_products(Sums sums, Inputs x, Weights w) { return dot(sums, x, w); }

    static constexpr size_t kLeastPanelVectors = 3;  // stores bytes of no panel at once
    static bool stores_panel(size_t) { return false; }
};

constexpr size_t kPanelVectors = 2;
constexpr size_t kTileRows[kPanelVectors + 1] = {0, 4, 4};
constexpr size_t kRowPixels = 2;
constexpr size_t kDepthwiseRows = 2;

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

}  // namespace eigenbit::internal::generic
