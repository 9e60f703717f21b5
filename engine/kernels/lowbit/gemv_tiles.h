// The text of the packed matrix kernel. An instruction set's integer.cpp includes it inside an anonymous namespace,
// after lowbit/bit_plane_tiles.h.
//
// A unit (lowbit/bit_plane_tiles.h) is 8 inputs of kQuadVectors vectors of outputs for each level that an index stands
// for: the indices of register k are of the k / 4-th quads of vector k % 4, as many neighbouring ones as levels.

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

template <int kBits>
[[gnu::always_inline]] inline void load_unit(const uint8_t*& weights, Vector::Sums (&packed)[kBits]) {
    // The processor's own prefetching loses its way at every page; so far ahead the next page is well begun (measured:
    // 1.7 times as fast at two bits).
    constexpr size_t kAhead = 8192;
#pragma GCC unroll 8
    for (int r = 0; r < kBits; ++r) {
        __builtin_prefetch(weights + kAhead);
        packed[r] = Vector::load_packed(weights);
        weights += 4 * Vector::kWidth;
    }
}

[[gnu::always_inline]] inline void store_all(const Vector::Sums (&sums)[kQuadVectors], int32_t* result) {
#pragma GCC unroll 4
    for (size_t v = 0; v < kQuadVectors; ++v) Vector::store_sums(result + v * Vector::kWidth, sums[v]);
}

/// result = the products of a segment, but for its exceptions.
template <int kBits>
[[gnu::noinline]] void multiply_segment(const LowbitSegment& segment, const uint8_t* x, int32_t* result) {
    const uint8_t* weights = segment.weights;
    Vector::Sums sums[kQuadVectors] = {};
    for (size_t unit = 0; unit < segment.units; ++unit) {
        Vector::Sums packed[kBits];
        load_unit(weights, packed);
        const decltype(broadcast_inputs<kBits>(x)) inputs[2] = {broadcast_inputs<kBits>(x),
                                                                broadcast_inputs<kBits>(x + 4)};
        x += 8;
        multiply_quads<kBits, 0>(packed, inputs, sums);
    }
    store_all(sums, result);
}

template <int kBits, int kTuple, int k, typename Inputs>
[[gnu::always_inline]] inline void multiply_tuples(const Vector::Sums (&packed)[kBits],
                                                   const Vector::Table (&codebook)[kTuple],
                                                   const Inputs (&x)[2 * kTuple], Vector::Sums (&sums)[kQuadVectors]) {
    const Vector::Sums indices = unpack_register<kBits, k>(packed);
#pragma GCC unroll 3
    for (int level = 0; level < kTuple; ++level) {
        Vector::Sums weights = Vector::lookup(codebook[level], indices);
        if constexpr (kBits > 4) weights = Vector::turned(weights, indices);
        Vector::Sums& sum = sums[k % kQuadVectors];
        sum = Vector::add_products(sum, x[k / kQuadVectors * kTuple + level], weights);
    }
    if constexpr (k + 1 < static_cast<int>(kUnitRegisters)) {
        multiply_tuples<kBits, kTuple, k + 1>(packed, codebook, x, sums);
    }
}

/// The same as multiply_segment where an index of kBits stands for kTuple levels.
template <int kBits, int kTuple>
[[gnu::noinline]] void multiply_tuple_segment(const LowbitSegment& segment, const uint8_t* x, int32_t* result) {
    const uint8_t* weights = segment.weights;
    Vector::Table codebook[kTuple];
    for (int level = 0; level < kTuple; ++level) codebook[level] = Vector::load_table(segment.codebook + 16 * level);
    Vector::Sums sums[kQuadVectors] = {};
    for (size_t unit = 0; unit < segment.units; ++unit) {
        Vector::Sums packed[kBits];
        load_unit(weights, packed);
        decltype(Vector::repeat(x)) inputs[2 * kTuple];
#pragma GCC unroll 6
        for (int quad = 0; quad < 2 * kTuple; ++quad) inputs[quad] = Vector::repeat(x + 4 * quad);
        x += 8 * kTuple;
        multiply_tuples<kBits, kTuple, 0>(packed, codebook, inputs, sums);
    }
    store_all(sums, result);
}

using MultiplySegment = void (*)(const LowbitSegment& segment, const uint8_t* x, int32_t* result);
constexpr MultiplySegment kMultiplySegment[9] = {nullptr,
                                                 &multiply_segment<1>,
                                                 &multiply_segment<2>,
                                                 &multiply_segment<3>,
                                                 &multiply_segment<4>,
                                                 &multiply_segment<5>,
                                                 &multiply_segment<6>,
                                                 &multiply_segment<7>,
                                                 &multiply_segment<8>};

MultiplySegment multiply_of(const LowbitSegment& segment) {
    if (segment.tuple == 1) return kMultiplySegment[segment.bits];
    if (segment.tuple == 3) return &multiply_tuple_segment<5, 3>;
    return segment.bits == 4 ? &multiply_tuple_segment<4, 2> : &multiply_tuple_segment<5, 2>;
}

void add_exceptions(const LowbitSegment& segment, const uint8_t* x, int32_t* sums) {
    const LowbitException* const end = segment.exceptions + segment.exception_count;
    for (const LowbitException* next = segment.exceptions; next < end;) {
        const LowbitException exception = *next++;
        int32_t difference = static_cast<int16_t>(exception) >> 12;
        if (difference == 0) difference = static_cast<int16_t>(*next++);
        x += exception >> 6 & 0x38;
        sums[exception >> 3 & 0x3F] += difference * x[exception & 7];
    }
}

void gemv_lowbit(const LowbitGemv& product) {
    constexpr size_t kLanes = kQuadVectors * Vector::kWidth;
    static_assert(kLanes <= 64, "exceptions have six bits for a lane");
    for (size_t lane = 0; lane < kLanes; ++lane) product.sums[lane] = 0.0F;
    for (size_t s = 0; s < product.segment_count; ++s) {
        const LowbitSegment& segment = product.segments[s];
        alignas(64) int32_t sums[kLanes];
        const uint8_t* const x = product.x + segment.begin;
        multiply_of(segment)(segment, x, sums);
        add_exceptions(segment, x, sums);
        const int32_t shift = segment.shift * product.input_sums[s];
        const float offset = segment.offset * static_cast<float>(product.input_sums[s]);
        for (size_t lane = 0; lane < kLanes; ++lane) {
            product.sums[lane] += segment.step * (static_cast<float>(sums[lane] - shift) + offset);
        }
    }
}
