// The text of the packed matrix kernel. An instruction set's integer.cpp includes it inside an anonymous namespace,
// after lowbit/bit_plane_tiles.h.
//
// A unit (lowbit/bit_plane_tiles.h) is 8 inputs of kQuadVectors vectors of outputs: register k has the quad k / 4 of
// vector k % 4.

// Up to so many bits, two neighbours, which are packed without sign, have products whose sum 16 bits hold.
constexpr int kSmallPairBits = 6;
static_assert(2 * ((1 << kSmallPairBits) - 1) <= kLargestInt16WeightSum);

template <int kBits, int k, typename Inputs>
[[gnu::always_inline]] inline void multiply_quads(const Vector::Sums (&packed)[kBits], const Inputs (&x)[2],
                                                  Vector::Sums (&sums)[kQuadVectors]) {
    Vector::Sums& sum = sums[k % kQuadVectors];
    const Vector::Sums weights = unpack_register<kBits, k>(packed);
    if constexpr (kBits <= kSmallPairBits) {
        sum = Vector::add_products(sum, x[k / kQuadVectors], weights);
    } else {
        sum = Vector::dot(sum, x[k / kQuadVectors], Vector::to_weights(weights));
    }
    if constexpr (k + 1 < static_cast<int>(kUnitRegisters)) multiply_quads<kBits, k + 1>(packed, x, sums);
}

template <int kBits>
[[gnu::always_inline]] inline auto broadcast_inputs(const uint8_t* quad) {
    if constexpr (kBits <= kSmallPairBits) {
        return Vector::repeat(quad);
    } else {
        return Vector::broadcast_quad(quad);
    }
}

/// sums = the products of a segment.
template <int kBits>
[[gnu::noinline]] void multiply_segment(const uint8_t* weights, const uint8_t* x, size_t units, int32_t* result) {
    constexpr size_t kBytes = 4 * Vector::kWidth;
    // The processor's own prefetching loses its way at every page; so far ahead the next page is well begun (measured:
    // 1.7 times as fast at two bits).
    constexpr size_t kAhead = 8192;
    Vector::Sums sums[kQuadVectors] = {};
    for (size_t unit = 0; unit < units; ++unit) {
        Vector::Sums packed[kBits];
#pragma GCC unroll 8
        for (int r = 0; r < kBits; ++r) {
            __builtin_prefetch(weights + kAhead);
            packed[r] = Vector::load_packed(weights);
            weights += kBytes;
        }
        const decltype(broadcast_inputs<kBits>(x)) inputs[2] = {broadcast_inputs<kBits>(x),
                                                                broadcast_inputs<kBits>(x + 4)};
        x += 8;
        multiply_quads<kBits, 0>(packed, inputs, sums);
    }
#pragma GCC unroll 4
    for (size_t v = 0; v < kQuadVectors; ++v) Vector::store_sums(result + v * Vector::kWidth, sums[v]);
}

using MultiplySegment = void (*)(const uint8_t* weights, const uint8_t* x, size_t units, int32_t* result);
constexpr MultiplySegment kMultiplySegment[9] = {nullptr,
                                                 &multiply_segment<1>,
                                                 &multiply_segment<2>,
                                                 &multiply_segment<3>,
                                                 &multiply_segment<4>,
                                                 &multiply_segment<5>,
                                                 &multiply_segment<6>,
                                                 &multiply_segment<7>,
                                                 &multiply_segment<8>};

void gemv_lowbit(const LowbitGemv& product) {
    constexpr size_t kLanes = kQuadVectors * Vector::kWidth;
    for (size_t lane = 0; lane < kLanes; ++lane) product.sums[lane] = 0.0F;
    for (size_t s = 0; s < product.segment_count; ++s) {
        const LowbitSegment& segment = product.segments[s];
        alignas(64) int32_t sums[kLanes];
        const uint8_t* const x = product.x + segment.begin;
        kMultiplySegment[segment.bits](segment.weights, x, segment.units, sums);
        for (size_t e = 0; e < segment.exception_count; ++e) {
            const LowbitException& exception = segment.exceptions[e];
            sums[exception.lane] += exception.delta * x[exception.input];
        }
        const int32_t shift = segment.shift * product.input_sums[s];
        const float offset = segment.offset * static_cast<float>(product.input_sums[s]);
        for (size_t lane = 0; lane < kLanes; ++lane) {
            product.sums[lane] += segment.step * (static_cast<float>(sums[lane] - shift) + offset);
        }
    }
}
