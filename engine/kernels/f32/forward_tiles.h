// The text of the forward convolution kernels. An instruction set's convolution.cpp includes it inside an anonymous
// namespace (so that no other translation unit can receive its code) after defining
//   Vector                 kWidth, Register, Mask, zero, load, broadcast, store, add, fma, clamp, mask
//   kPanelVectors          most weight vectors of a tile
//   kTileRows[vectors]     rows of the register tile that leaves room for `vectors` weight vectors and one broadcast
//   kDepthwiseRows         rows of a tile of one vector without a broadcast
// A tile is kRows x kVectors accumulators; its rows are pixels here, inputs in the weight gradient.
// A CPU that starts one FMA a cycle with a latency of four needs only a handful of accumulators; the tile is as large
// as it is to make few loads for each FMA (kRows + kVectors loads, kRows * kVectors FMAs).
// Tiles are never inlined, so that each has the registers to itself (measured: 1.6 times as fast for one vector).

using Register = Vector::Register;

constexpr size_t kLine = 16;  // floats in a cache line

/// How sums begin and end. A copy of the block, because the compiler must assume that a store changes anything held by
/// reference; and made anew for the end, so that it takes no registers from the tile meanwhile.
struct Epilogue {
    float* output;
    const float* residual;
    const float* bias;
    float low, high;
    bool accumulate, finish, whole;
    Vector::Mask last;  // lanes of the panel's last vector that exist; all when `whole`

    /// For the channels from `channel` on, `vectors` vectors.
    Epilogue(const ForwardBlock& block, size_t channel, size_t vectors)
        : output(block.output + channel),
          residual(block.residual ? block.residual + channel : nullptr),
          bias(block.bias ? block.bias + channel : nullptr),
          low(block.low),
          high(block.high),
          accumulate(block.accumulate),
          finish(block.finish),
          whole(block.channels - channel >= vectors * Vector::kWidth),
          last(Vector::mask(block.channels - channel - (vectors - 1) * Vector::kWidth)) {}

    Register load(const float* values, size_t v, size_t vectors) const {
        return v + 1 == vectors ? Vector::load(values + v * Vector::kWidth, last)
                                : Vector::load(values + v * Vector::kWidth);
    }

    template <size_t kRows, size_t kVectors>
    [[gnu::always_inline]] inline void start(Register (&sums)[kRows][kVectors], const ptrdiff_t* outputs) const {
#pragma GCC unroll 4
        for (size_t v = 0; v < kVectors; ++v) {
            const Register first = bias ? load(bias, v, kVectors) : Vector::zero();
#pragma GCC unroll 32
            for (size_t p = 0; p < kRows; ++p) sums[p][v] = first;
        }
        if (!accumulate) return;
#pragma GCC unroll 32
        for (size_t p = 0; p < kRows; ++p) {
#pragma GCC unroll 4
            for (size_t v = 0; v < kVectors; ++v) {
                sums[p][v] = Vector::add(sums[p][v], load(output + outputs[p], v, kVectors));
            }
        }
    }

    template <size_t kRows, size_t kVectors>
    [[gnu::always_inline]] inline void end(Register (&sums)[kRows][kVectors], const ptrdiff_t* outputs) const {
        const Register lows = Vector::broadcast(&low);
        const Register highs = Vector::broadcast(&high);
#pragma GCC unroll 32
        for (size_t p = 0; p < kRows; ++p) {
#pragma GCC unroll 4
            for (size_t v = 0; v < kVectors; ++v) {
                Register sum = sums[p][v];
                if (finish) {
                    if (residual) sum = Vector::add(sum, load(residual + outputs[p], v, kVectors));
                    sum = Vector::clamp(sum, lows, highs);
                }
                float* const to = output + outputs[p] + v * Vector::kWidth;
                if (v + 1 == kVectors && !whole) {  // masked stores are slow
                    Vector::store(to, last, sum);
                } else {
                    Vector::store(to, sum);
                }
            }
        }
    }
};

/// sums += inputs begin … end-1 of a segment times their weights, which it moves past.
template <size_t kRows, size_t kVectors>
[[gnu::always_inline]] inline void multiply(Register (&sums)[kRows][kVectors], const float* const (&sources)[kRows],
                                            size_t begin, size_t end, const float*& weights) {
    for (size_t c = begin; c < end; ++c) {
        Register w[kVectors];
#pragma GCC unroll 4
        for (size_t v = 0; v < kVectors; ++v) w[v] = Vector::load(weights + v * Vector::kWidth);
        weights += kVectors * Vector::kWidth;
#pragma GCC unroll 32
        for (size_t p = 0; p < kRows; ++p) {
            const Register x = Vector::broadcast(sources[p] + c);
#pragma GCC unroll 4
            for (size_t v = 0; v < kVectors; ++v) sums[p][v] = Vector::fma(x, w[v], sums[p][v]);
        }
    }
}

/// multiply for a whole segment, asking meanwhile for the pixels of the next tile.
template <size_t kRows, size_t kVectors>
[[gnu::always_inline]] inline void multiply_prefetching(Register (&sums)[kRows][kVectors],
                                                        const float* const (&sources)[kRows], const PixelGrid& grid,
                                                        const float*& weights) {
    const ptrdiff_t next = static_cast<ptrdiff_t>(kRows) * grid.column_stride;
    for (size_t line = 0; line < grid.length; line += kLine) {
#pragma GCC unroll 32
        for (size_t p = 0; p < kRows; ++p) __builtin_prefetch(sources[p] + next + line);
        multiply(sums, sources, line, line + kLine < grid.length ? line + kLine : grid.length, weights);
    }
}

template <size_t kRows, size_t kVectors, typename Pixels>
[[gnu::noinline]] void forward_tile(const ForwardBlock& block, const Pixels& pixels) {
    Register sums[kRows][kVectors];
    Epilogue(block, 0, kVectors).start(sums, pixels.outputs);
    // Where outputs are added to, the next tile's come from memory meanwhile.
    if (block.accumulate) {
        const ptrdiff_t next = static_cast<ptrdiff_t>(kRows) * block.output_column_stride;
#pragma GCC unroll 32
        for (size_t p = 0; p < kRows; ++p) {
#pragma GCC unroll 4
            for (size_t line = 0; line < kVectors * Vector::kWidth; line += kLine) {
                __builtin_prefetch(block.output + pixels.outputs[p] + next + line, 1);
            }
        }
    }
    const float* weights = block.weights;
    // A single tap reads its source only once, from far away. (One vector has no time for anything but its own loads.)
    const bool prefetches = kVectors > 1 && block.grid.segment_count == 1;
    for (size_t s = 0; s < block.grid.segment_count; ++s) {
        const float* sources[kRows];
#pragma GCC unroll 32
        for (size_t p = 0; p < kRows; ++p) sources[p] = pixels.sources[p] + block.grid.segments[s];
        if (prefetches) {
            multiply_prefetching(sums, sources, block.grid, weights);
        } else {
            multiply(sums, sources, 0, block.grid.length, weights);
        }
    }
    Epilogue(block, 0, kVectors).end(sums, pixels.outputs);
}

/// One vector of channels, from `channel` on.
template <size_t kRows, bool kWhole, typename Pixels>
void depthwise_vector(const ForwardBlock& block, const Pixels& pixels, size_t channel) {
    const Epilogue epilogue(block, channel, 1);
    const size_t taps = block.grid.segment_count;
    const float* const weights = block.weights + channel * taps;
    Register sums[kRows][1];
    epilogue.start(sums, pixels.outputs);
    for (size_t s = 0; s < taps; ++s) {
        const Register w = Vector::load(weights + s * Vector::kWidth);
        const ptrdiff_t offset = block.grid.segments[s] + static_cast<ptrdiff_t>(channel);
#pragma GCC unroll 32
        for (size_t p = 0; p < kRows; ++p) {
            const float* const x = pixels.sources[p] + offset;
            sums[p][0] = Vector::fma(w, kWhole ? Vector::load(x) : Vector::load(x, epilogue.last), sums[p][0]);
        }
    }
    epilogue.end(sums, pixels.outputs);
}

template <size_t kRows, typename Pixels>
[[gnu::noinline]] void depthwise_tile(const ForwardBlock& block, const Pixels& pixels) {
    size_t channel = 0;
    for (; channel + Vector::kWidth <= block.channels; channel += Vector::kWidth) {
        depthwise_vector<kRows, true>(block, pixels, channel);
    }
    if (channel < block.channels) depthwise_vector<kRows, false>(block, pixels, channel);
}

template <size_t kRows, size_t kVectors, typename Pixels>
void forward_tile_of(size_t count, const ForwardBlock& block, const Pixels& pixels) {
    if (count == kRows) return forward_tile<kRows, kVectors>(block, pixels);
    if constexpr (kRows > 1) forward_tile_of<kRows - 1, kVectors>(count, block, pixels);
}

template <size_t kVectors>
void forward_panel(const ForwardBlock& block) {
    constexpr size_t kRows = kTileRows[kVectors];
    for_each_tile<kRows, float>(
        block, [&](const auto& pixels, size_t count) { forward_tile_of<kRows, kVectors>(count, block, pixels); });
}

template <size_t kVectors = kPanelVectors>
void forward(const ForwardBlock& block) {
    if (block.vectors == kVectors) return forward_panel<kVectors>(block);
    if constexpr (kVectors > 1) forward<kVectors - 1>(block);
}

template <size_t kRows, typename Pixels>
void depthwise_tile_of(size_t count, const ForwardBlock& block, const Pixels& pixels) {
    if (count == kRows) return depthwise_tile<kRows>(block, pixels);
    if constexpr (kRows > 1) depthwise_tile_of<kRows - 1>(count, block, pixels);
}

void depthwise_forward(const ForwardBlock& block) {
    for_each_tile<kDepthwiseRows, float>(
        block, [&](const auto& pixels, size_t count) { depthwise_tile_of<kDepthwiseRows>(count, block, pixels); });
}
