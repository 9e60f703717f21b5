// The text of the integer depthwise convolution kernel, included like int8/convolution_tiles.h and after it.
//
// A block of kQuadVectors * kWidth channels is computed together, four taps at a time: the bytes of four taps are
// interleaved, so that a dot product of four bytes sums the taps of a channel. Interleaving works within 16 bytes:
// vector v then has the channels 16 * (lane / 4) + 4 * v + lane % 4, and so have the block's weights, start, scale,
// bias and slopes.

constexpr size_t kBlockChannels = kQuadVectors * Vector::kWidth;

/// A block's values by lane in the order of channels.
void order_channels(const float* lanes, float* channels) {
    for (size_t c = 0; c < kBlockChannels; c += 4) {
        __builtin_memcpy(channels + c, lanes + c % 16 / 4 * Vector::kWidth + c / 16 * 4, 4 * sizeof(float));
    }
}

/// Turns the sums (rows, kQuadVectors vectors) into outputs of any kind.
[[gnu::noinline]] void store_by_channel(const Int8Block& block, size_t rows, const int32_t* sums,
                                        const ptrdiff_t* outputs) {
    float slopes[kBlockChannels];
    if (block.slopes) order_channels(block.slopes, slopes);
    with_output(block, slopes, [&]<typename Function>(const Function& function, auto* output, const auto* residual) {
        const size_t channels = block.channels;
        const ValueStore<Function> store_value(block, function);
        for (size_t p = 0; p < rows; ++p) {
            float lanes[kBlockChannels];
            float ordered[kBlockChannels];
            for (size_t lane = 0; lane < kBlockChannels; lane += Vector::kWidth) {
                const Vector::Floats sum = Vector::to_floats(Vector::load_sums(sums + p * kBlockChannels + lane));
                const Vector::Floats scale = Vector::load(block.scale + lane);
                Vector::store(lanes + lane, Vector::multiply_add(sum, scale, Vector::load(block.bias + lane)));
            }
            order_channels(lanes, ordered);
            for (size_t c = 0; c < channels; c += Vector::kWidth) {
                store_value(Vector::load(ordered + c), c, outputs[p], output, residual);
            }
        }
    });
}

/// What output bytes lie between, read before these are stored, because the compiler must assume that a store of bytes
/// changes anything in memory.
struct Bounds {
    Vector::Lowest low;
    Vector::Floats high;

    explicit Bounds(const Int8Block& block) : low(Vector::lowest(block.low)), high(Vector::broadcast(block.high)) {}
};

/// Turns the sums (rows, kQuadVectors vectors) into bytes of a function of them.
[[gnu::noinline]] void store_function(const Int8Block& block, size_t rows, const int32_t* sums,
                                      const ptrdiff_t* outputs) {
    const OutputFunction function(block, block.slopes);
    const size_t channels = block.channels;
    uint8_t* const output = block.output_bytes;
    const Bounds bounds(block);
    Vector::Floats scale[kQuadVectors];
    Vector::Floats bias[kQuadVectors];
    for (size_t v = 0; v < kQuadVectors; ++v) {
        scale[v] = Vector::load(block.scale + v * Vector::kWidth);
        bias[v] = Vector::load(block.bias + v * Vector::kWidth);
    }
    for (size_t p = 0; p < rows; ++p) {
        Vector::Floats values[kQuadVectors];
        for (size_t v = 0; v < kQuadVectors; ++v) {
            const Vector::Sums sum = Vector::load_sums(sums + p * kBlockChannels + v * Vector::kWidth);
            values[v] = Vector::multiply_add(Vector::to_floats(sum), scale[v], bias[v]);
        }
        function(values, 0);
        for (Vector::Floats& value : values) value = Vector::at_most(bounds.high, value);
        if (channels == kBlockChannels) {
            Vector::store_interleaved(output + outputs[p], values, bounds.low);
        } else {
            Vector::store_interleaved(output + outputs[p], channels, values, bounds.low);
        }
    }
}

/// Turns sums into outputs, from registers where these are bytes of sums alone.
template <bool kWhole, size_t kRows>
[[gnu::always_inline]] inline void store_interleaved(const Int8Block& block, const Bounds& bounds,
                                                     const Vector::Sums (&sums)[kRows][kQuadVectors],
                                                     const ptrdiff_t* outputs) {
    if (!stores_from_registers(block)) {
        alignas(64) int32_t memory[kRows * kBlockChannels];
        save_sums(sums, memory);
        const bool adds = block.residual || block.residual_bytes;
        if (!block.output_bytes || adds) return store_by_channel(block, kRows, memory, outputs);
        return store_function(block, kRows, memory, outputs);
    }
    Vector::Floats values[kRows][kQuadVectors];
    scale_sums(block, sums, bounds.high, values);
    const size_t channels = block.channels;
    uint8_t* const output = block.output_bytes;
#pragma GCC unroll 32
    for (size_t p = 0; p < kRows; ++p) {
        if constexpr (kWhole) {
            Vector::store_interleaved(output + outputs[p], values[p], bounds.low);
        } else {
            Vector::store_interleaved(output + outputs[p], channels, values[p], bounds.low);
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

/// kRows pixels.
template <size_t kRows, bool kWhole>
[[gnu::always_inline]] inline void sum_taps(const Int8Block& block, const Bounds& bounds, const uint8_t* const* sources,
                                            const ptrdiff_t* outputs) {
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
    store_interleaved<kWhole>(block, bounds, sums, outputs);
}

// Pixels of a tile: so many that its beginning and end take little of its time.
constexpr size_t kTilePixels = 8;

template <bool kWhole, typename Pixels>
[[gnu::noinline]] void depthwise_tile(const Int8Block& block, const Pixels& pixels, size_t count) {
    const Bounds bounds(block);
    size_t p = 0;
    for (; p + kDepthwiseRows <= count; p += kDepthwiseRows) {
        sum_taps<kDepthwiseRows, kWhole>(block, bounds, pixels.sources + p, pixels.outputs + p);
    }
    for (; p < count; ++p) sum_taps<1, kWhole>(block, bounds, pixels.sources + p, pixels.outputs + p);
}

/// A filter of 3 x 3 by columns: the three taps of a column are interleaved once for all pixels of a row that read it.
struct TapColumns {
    ptrdiff_t row, column;                     // bytes from tap to tap
    Vector::Weights weights[3][kQuadVectors];  // of columns; the fourth byte of each lane is 0
};

/// Whether the taps are those of 3 x 3, of which neighbouring pixels' lie `stride` columns apart, and columns are
/// faster.
bool are_columns(const Int8Block& block, ptrdiff_t stride) {
    const InputSegment* const taps = block.grid.segments;
    if (block.grid.segment_count != 12) return false;
    if (Vector::kSmallPairsAreFaster && block.quads_fit[0] && block.quads_fit[1]) return false;
    const ptrdiff_t row = taps[3].offset - taps[0].offset;
    const ptrdiff_t column = taps[1].offset - taps[0].offset;
    for (ptrdiff_t tap = 0; tap < 12; ++tap) {
        const ptrdiff_t offset = tap < 9 ? tap / 3 * row + tap % 3 * column : 0;
        if (taps[tap].offset != taps[0].offset + offset) return false;
    }
    return block.grid.column_stride == stride * column;
}

void find_columns(const Int8Block& block, TapColumns& to) {
    const InputSegment* const taps = block.grid.segments;
    to.row = taps[3].offset - taps[0].offset;
    to.column = taps[1].offset - taps[0].offset;
    int8_t weights[3][4 * kBlockChannels];
    for (size_t lane = 0; lane < kBlockChannels; ++lane) {
        uint32_t quads[3];
        for (size_t q = 0; q < 3; ++q) __builtin_memcpy(quads + q, block.weights + 4 * (q * kBlockChannels + lane), 4);
        const auto [a, b, c] = quads;
        const uint32_t columns[3] = {
            (a & 0xFF) | (a >> 24) << 8 | (b & 0xFF0000),
            (a >> 8 & 0xFF) | (b & 0xFF) << 8 | (b >> 24) << 16,
            (a >> 16 & 0xFF) | (b & 0xFF00) | (c & 0xFF) << 16,
        };
        for (size_t k = 0; k < 3; ++k) __builtin_memcpy(weights[k] + 4 * lane, columns + k, 4);
    }
    for (size_t k = 0; k < 3; ++k) {
        for (size_t v = 0; v < kQuadVectors; ++v) {
            to.weights[k][v] = Vector::load_weights(weights[k] + 4 * v * Vector::kWidth);
        }
    }
}

template <size_t kPixels, size_t kStride, bool kWhole>
[[gnu::always_inline]] inline void sum_columns(const Int8Block& block, const Bounds& bounds, const TapColumns& taps,
                                               const uint8_t* source, const ptrdiff_t* outputs) {
    Vector::Sums sums[kPixels][kQuadVectors];
    start_sums(block, sums);
#pragma GCC unroll 32
    for (size_t column = 0; column < (kPixels - 1) * kStride + 3; ++column) {
        const uint8_t* const first = source + static_cast<ptrdiff_t>(column) * taps.column;
        Vector::Sums quads[kQuadVectors];
        Vector::interleave<kWhole>(first, first + taps.row, first + 2 * taps.row, first + 2 * taps.row, block.channels,
                                   quads);
#pragma GCC unroll 32
        for (size_t p = 0; p < kPixels; ++p) {
            if (column < p * kStride || column >= p * kStride + 3) continue;
#pragma GCC unroll 4
            for (size_t v = 0; v < kQuadVectors; ++v) {
                sums[p][v] =
                    Vector::dot(sums[p][v], Vector::to_inputs(quads[v]), taps.weights[column - p * kStride][v]);
            }
        }
    }
    store_interleaved<kWhole>(block, bounds, sums, outputs);
}

/// `count` neighbouring pixels of a row.
template <size_t kPixels, size_t kStride, bool kWhole>
void sum_row(const Int8Block& block, const Bounds& bounds, const TapColumns& taps, const uint8_t* source, size_t count,
             const ptrdiff_t* outputs) {
    for (; count >= kPixels; count -= kPixels) {
        sum_columns<kPixels, kStride, kWhole>(block, bounds, taps, source, outputs);
        source += static_cast<ptrdiff_t>(kPixels) * block.grid.column_stride;
        outputs += kPixels;
    }
    if constexpr (kPixels > 1) sum_row<kPixels - 1, kStride, kWhole>(block, bounds, taps, source, count, outputs);
}

template <size_t kStride, bool kWhole>
[[gnu::noinline]] void depthwise_rows(const Int8Block& block) {
    const Bounds bounds(block);
    TapColumns taps;
    find_columns(block, taps);
    const Int8PixelGrid& grid = block.grid;
    size_t count = 0;
    for (size_t pixel = block.pixel_begin; pixel < block.pixel_end; pixel += count) {
        const size_t x = pixel % grid.columns;
        const ptrdiff_t row = static_cast<ptrdiff_t>(pixel / grid.columns);
        const size_t left = block.pixel_end - pixel;
        count = grid.columns - x < left ? grid.columns - x : left;
        count = count < kTilePixels ? count : kTilePixels;
        ptrdiff_t outputs[kTilePixels];
        for (size_t p = 0; p < count; ++p) {
            outputs[p] = row * block.output_row_stride + static_cast<ptrdiff_t>(x + p) * block.output_column_stride;
        }
        const uint8_t* const source =
            grid.source + row * grid.row_stride + static_cast<ptrdiff_t>(x) * grid.column_stride;
        sum_row<kRowPixels, kStride, kWhole>(block, bounds, taps, source + grid.segments[0].offset, count, outputs);
    }
}

void depthwise_convolution(const Int8Block& block) {
    const bool whole = block.channels == kBlockChannels;
    if (are_columns(block, 1)) return whole ? depthwise_rows<1, true>(block) : depthwise_rows<1, false>(block);
    if (are_columns(block, 2)) return whole ? depthwise_rows<2, true>(block) : depthwise_rows<2, false>(block);
    for_each_tile<kTilePixels, uint8_t>(block, [&](const auto& pixels, size_t count) {
        if (whole) return depthwise_tile<true>(block, pixels, count);
        depthwise_tile<false>(block, pixels, count);
    });
}
