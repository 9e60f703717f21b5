// The text of the integer depthwise convolution kernel, included like int8/convolution_tiles.h and after it.
//
// A block of kQuadVectors * kWidth channels is computed together, four taps at a time: the bytes of four taps are
// interleaved, so that a dot product of four bytes sums the taps of a channel. Interleaving works within 16 bytes:
// vector v then has the channels 16 * (lane / 4) + 4 * v + lane % 4, and so have the block's weights, start, scale and
// bias.

constexpr size_t kBlockChannels = kQuadVectors * Vector::kWidth;

/// For outputs of any kind; `values` in the order of channels.
void store_values(const Int8Block& block, const float* values, ptrdiff_t at) {
    for (size_t c = 0; c < block.channels; ++c) {
        const ptrdiff_t place = at + static_cast<ptrdiff_t>(c);
        float value = values[c];
        if (block.residual) value += block.residual[place] * block.residual_scale;
        if (block.residual_bytes) value += static_cast<float>(block.residual_bytes[place]) * block.residual_scale;
        value = value < block.low ? block.low : value;
        value = value > block.high ? block.high : value;
        if (block.output_bytes) {
            block.output_bytes[place] = static_cast<uint8_t>(__builtin_lrintf(value));
        } else {
            block.output[place] = value;
        }
    }
}

/// `sums` (rows, kQuadVectors vectors) become outputs.
[[gnu::noinline]] void store_interleaved(const Int8Block& block, size_t rows, const int32_t* sums,
                                         const ptrdiff_t* outputs) {
    const float* const scales = block.scale;
    const float* const biases = block.bias;
    const Vector::Floats low = Vector::broadcast(block.low);
    const Vector::Floats high = Vector::broadcast(block.high);
    const bool are_bytes = block.output_bytes && !block.residual && !block.residual_bytes;
    const bool whole = block.channels == kBlockChannels;
    const size_t channels = block.channels;
    uint8_t* const output = block.output_bytes;
    for (size_t p = 0; p < rows; ++p) {
        Vector::Floats values[kQuadVectors];
#pragma GCC unroll 4
        for (size_t v = 0; v < kQuadVectors; ++v) {
            const Vector::Sums sum = Vector::load_sums(sums + (p * kQuadVectors + v) * Vector::kWidth);
            values[v] = Vector::multiply_add(Vector::to_floats(sum), Vector::load(scales + v * Vector::kWidth),
                                             Vector::load(biases + v * Vector::kWidth));
            if (are_bytes) values[v] = Vector::clamp(values[v], low, high);
        }
        if (are_bytes && whole) {
            Vector::store_interleaved(output + outputs[p], values);
        } else if (are_bytes) {
            Vector::store_interleaved(output + outputs[p], channels, values);
        } else {
            float lanes[kBlockChannels];
            float ordered[kBlockChannels];
            for (size_t v = 0; v < kQuadVectors; ++v) Vector::store(lanes + v * Vector::kWidth, values[v]);
            for (size_t c = 0; c < kBlockChannels; ++c) {
                ordered[c] = lanes[c % 16 / 4 * Vector::kWidth + c / 16 * 4 + c % 4];
            }
            store_values(block, ordered, outputs[p]);
        }
    }
}

/// Adds the products of four taps. `fit` as Int8Block::quads_fit.
template <typename V, size_t kRows>
[[gnu::always_inline]] inline void add_tap_products(const typename V::Sums (&quads)[kRows][kQuadVectors],
                                                    const int8_t* weights, bool fit,
                                                    typename V::Sums (&sums)[kRows][kQuadVectors]) {
    const auto add = [&](const auto& product) __attribute__((always_inline)) {
#pragma GCC unroll 32
        for (size_t p = 0; p < kRows; ++p) {
#pragma GCC unroll 4
            for (size_t v = 0; v < kQuadVectors; ++v) {
                sums[p][v] = product(sums[p][v], quads[p][v], weights + 4 * v * V::kWidth);
            }
        }
    };
    if constexpr (V::kSmallPairsAreFaster) {
        if (fit) {
            return add([](auto sum, auto quad, const int8_t* w)
                           __attribute__((always_inline)) { return V::add_products(sum, quad, V::load_quads(w)); });
        }
    }
    add([](auto sum, auto quad, const int8_t* w)
            __attribute__((always_inline)) { return V::dot(sum, V::to_inputs(quad), V::load_weights(w)); });
}

/// Sums of kRows pixels, (kRows, kQuadVectors vectors).
template <size_t kRows, bool kWhole>
[[gnu::always_inline]] inline void sum_taps(const Int8Block& block, const uint8_t* const* sources, int32_t* result) {
    const int8_t* weights = block.weights;
    Vector::Sums sums[kRows][kQuadVectors];
    start_sums(block, sums);
    const InputSegment* const end = block.grid.segments + block.grid.segment_count;
    const uint8_t* fit = block.quads_fit;
    for (const InputSegment* taps = block.grid.segments; taps < end; taps += 4) {
        Vector::Sums quads[kRows][kQuadVectors];
#pragma GCC unroll 32
        for (size_t p = 0; p < kRows; ++p) {
            Vector::interleave<kWhole>(sources[p] + taps[0].offset, sources[p] + taps[1].offset,
                                       sources[p] + taps[2].offset, sources[p] + taps[3].offset, block.channels,
                                       quads[p]);
        }
        add_tap_products<Vector>(quads, weights, *fit++ != 0, sums);
        weights += 4 * kBlockChannels;
    }
#pragma GCC unroll 32
    for (size_t p = 0; p < kRows; ++p) {
#pragma GCC unroll 4
        for (size_t v = 0; v < kQuadVectors; ++v) {
            Vector::store_sums(result + (p * kQuadVectors + v) * Vector::kWidth, sums[p][v]);
        }
    }
}

// Pixels of a tile: so many that its beginning and end take little of its time.
constexpr size_t kTilePixels = 8;

template <bool kWhole, typename Pixels>
[[gnu::noinline]] void depthwise_tile(const Int8Block& block, const Pixels& pixels, size_t count) {
    alignas(64) int32_t sums[kTilePixels * kBlockChannels];
    size_t p = 0;
    for (; p + kDepthwiseRows <= count; p += kDepthwiseRows) {
        sum_taps<kDepthwiseRows, kWhole>(block, pixels.sources + p, sums + p * kBlockChannels);
    }
    for (; p < count; ++p) {
        sum_taps<1, kWhole>(block, pixels.sources + p, sums + p * kBlockChannels);
    }
    store_interleaved(block, count, sums, pixels.outputs);
}

void depthwise_convolution(const Int8Block& block) {
    for_each_tile<kTilePixels, uint8_t>(block, [&](const auto& pixels, size_t count) {
        if (block.channels == kBlockChannels) return depthwise_tile<true>(block, pixels, count);
        depthwise_tile<false>(block, pixels, count);
    });
}
