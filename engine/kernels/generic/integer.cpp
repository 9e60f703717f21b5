// Integer kernels for every CPU: vectors of 4 output channels, which the compiler makes of plain loops.

#include "engine/kernels/integer_kernels.h"

#include <string.h>

namespace eigenbit::generic {
namespace {

struct Vector {
    static constexpr size_t kWidth = 4;
    using Sums = int32_t __attribute__((vector_size(16)));
    using Floats = float __attribute__((vector_size(16)));
    struct Inputs {
        int32_t bytes[4];
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
    static Inputs broadcast_quad(const uint8_t* from) { return {{from[0], from[1], from[2], from[3]}}; }
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
    static Sums load_signed_bytes(const int8_t* from) { return Sums{from[0], from[1], from[2], from[3]}; }
    static Sums multiply_add(Sums sums, Sums x, Sums w) { return sums + x * w; }

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
    static Floats fma(Floats a, Floats b, Floats c) { return a * b + c; }
    static Floats clamp(Floats values, Floats low, Floats high) {
        values = values < low ? low : values;
        return values > high ? high : values;
    }
    static void store(float* to, Floats values) { memcpy(to, &values, sizeof values); }
    static void store(float* to, Mask lanes, Floats values) {
        for (size_t lane = 0; lane < lanes; ++lane) to[lane] = values[lane];
    }
    static void store(uint8_t* to, Floats values) { store(to, kWidth, values); }
    static void store(uint8_t* to, Mask lanes, Floats values) {
        for (size_t lane = 0; lane < lanes; ++lane) to[lane] = static_cast<uint8_t>(__builtin_lrintf(values[lane]));
    }

    static constexpr bool kStoresPanels = false;
};

constexpr size_t kPanelVectors = 2;
constexpr size_t kTileRows[kPanelVectors + 1] = {0, 4, 4};
constexpr size_t kDepthwiseRows = 4;

#include "engine/kernels/pixel_tiles.h"
// After it.
#include "engine/kernels/integer_convolution_tiles.h"
#include "engine/kernels/packed_matrix_tiles.h"

}  // namespace

constexpr IntegerKernels kIntegerKernels = {Vector::kWidth, kPanelVectors, &convolution<>, &depthwise_convolution,
                                            &packed_product};

}  // namespace eigenbit::generic
