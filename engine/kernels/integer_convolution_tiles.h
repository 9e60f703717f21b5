// The text of the integer convolution kernels. An instruction set's integer_convolution.cpp includes it inside an
// anonymous namespace, after pixel_tiles.h and after defining
//   Vector           kWidth, Sums (32-bit integers), Floats, Inputs, Weights, Mask, and what is done with them
//   kPanelVectors, kTileRows, kDepthwiseRows   as for convolution_forward_tiles.h
// A tile is kRows pixels x kVectors vectors of sums, which stay in registers from the first input to the last.

/// A vector of outputs from their sums. `whole` if all lanes of the vector exist, else `lanes` do.
struct Epilogue {
    Vector::Floats low, high, residual_scale;

    explicit Epilogue(const IntegerBlock& block)
        : low(Vector::broadcast(block.low)),
          high(Vector::broadcast(block.high)),
          residual_scale(Vector::broadcast(block.residual_scale)) {}

    [[gnu::always_inline]] inline void store(const IntegerBlock& block, Vector::Floats value, ptrdiff_t at, bool whole,
                                             Vector::Mask lanes) const {
        if (block.residual) {
            const float* const from = block.residual + at;
            value = Vector::fma(whole ? Vector::load(from) : Vector::load(from, lanes), residual_scale, value);
        } else if (block.residual_bytes) {
            const uint8_t* const from = block.residual_bytes + at;
            const Vector::Sums bytes = whole ? Vector::load_bytes(from) : Vector::load_bytes(from, lanes);
            value = Vector::fma(Vector::to_floats(bytes), residual_scale, value);
        }
        value = Vector::clamp(value, low, high);
        if (block.output_bytes) {
            if (whole) return Vector::store_bytes(block.output_bytes + at, value);
            return Vector::store_bytes(block.output_bytes + at, lanes, value);
        }
        if (whole) return Vector::store(block.output + at, value);
        Vector::store(block.output + at, lanes, value);
    }
};

/// Turns the sums (rows, vectors) of the channels from `channel` on into outputs. They come by way of memory: were
/// they held in registers here too, the compiler would keep them in memory during the multiplications (measured).
[[gnu::noinline]] void store(const IntegerBlock& block, size_t channel, size_t rows, size_t vectors,
                             const int32_t* sums, const ptrdiff_t* outputs) {
    const Epilogue epilogue(block);
    for (size_t v = 0; v < vectors; ++v) {
        const size_t first = channel + v * Vector::kWidth;
        const bool whole = first + Vector::kWidth <= block.channels;
        const Vector::Mask lanes = Vector::mask(block.channels - first);
        const Vector::Floats scale = Vector::load(block.scale + first);
        const Vector::Floats bias = Vector::load(block.bias + first);
        for (size_t p = 0; p < rows; ++p) {
            const Vector::Sums sum = Vector::load_sums(sums + (p * vectors + v) * Vector::kWidth);
            const Vector::Floats value = Vector::fma(Vector::to_floats(sum), scale, bias);
            epilogue.store(block, value, outputs[p] + static_cast<ptrdiff_t>(first), whole, lanes);
        }
    }
}

template <size_t kRows, size_t kVectors, typename Pixels>
[[gnu::noinline]] void tile(const IntegerBlock& block, const Pixels& pixels) {
    Vector::Sums sums[kRows][kVectors];
#pragma GCC unroll 4
    for (size_t v = 0; v < kVectors; ++v) {
        const Vector::Sums start = Vector::load_sums(block.start + v * Vector::kWidth);
#pragma GCC unroll 32
        for (size_t p = 0; p < kRows; ++p) sums[p][v] = start;
    }
    const int8_t* weights = block.weights;
    for (size_t s = 0; s < block.grid.segment_count; ++s) {
        const uint8_t* sources[kRows];
#pragma GCC unroll 32
        for (size_t p = 0; p < kRows; ++p) sources[p] = pixels.sources[p] + block.grid.segments[s];
        for (size_t q = 0; q < block.grid.quads; ++q) {
            Vector::Weights w[kVectors];
#pragma GCC unroll 4
            for (size_t v = 0; v < kVectors; ++v) w[v] = Vector::load_weights(weights + 4 * v * Vector::kWidth);
            weights += 4 * kVectors * Vector::kWidth;
#pragma GCC unroll 32
            for (size_t p = 0; p < kRows; ++p) {
                const Vector::Inputs x = Vector::broadcast_quad(sources[p] + 4 * q);
#pragma GCC unroll 4
                for (size_t v = 0; v < kVectors; ++v) sums[p][v] = Vector::dot(sums[p][v], x, w[v]);
            }
        }
    }
    alignas(64) int32_t memory[kRows * kVectors * Vector::kWidth];
#pragma GCC unroll 32
    for (size_t p = 0; p < kRows; ++p) {
#pragma GCC unroll 4
        for (size_t v = 0; v < kVectors; ++v) {
            Vector::store_sums(memory + (p * kVectors + v) * Vector::kWidth, sums[p][v]);
        }
    }
    store(block, 0, kRows, kVectors, memory, pixels.outputs);
}

/// One vector of channels, from `channel` on.
template <size_t kRows, bool kWhole, typename Pixels>
void depthwise_vector(const IntegerBlock& block, const Pixels& pixels, size_t channel) {
    const size_t taps = block.grid.segment_count;
    const int8_t* const weights = block.weights + channel * taps;
    const Vector::Mask lanes = Vector::mask(block.channels - channel);
    const Vector::Sums start = Vector::load_sums(block.start + channel);
    Vector::Sums sums[kRows];
#pragma GCC unroll 32
    for (size_t p = 0; p < kRows; ++p) sums[p] = start;
    for (size_t s = 0; s < taps; ++s) {
        const Vector::Sums w = Vector::load_signed_bytes(weights + s * Vector::kWidth);
        const ptrdiff_t offset = block.grid.segments[s] + static_cast<ptrdiff_t>(channel);
#pragma GCC unroll 32
        for (size_t p = 0; p < kRows; ++p) {
            const uint8_t* const from = pixels.sources[p] + offset;
            const Vector::Sums x = kWhole ? Vector::load_bytes(from) : Vector::load_bytes(from, lanes);
            sums[p] = Vector::multiply_add(sums[p], x, w);
        }
    }
    alignas(64) int32_t memory[kRows * Vector::kWidth];
#pragma GCC unroll 32
    for (size_t p = 0; p < kRows; ++p) Vector::store_sums(memory + p * Vector::kWidth, sums[p]);
    store(block, channel, kRows, 1, memory, pixels.outputs);
}

template <size_t kRows, typename Pixels>
[[gnu::noinline]] void depthwise_tile(const IntegerBlock& block, const Pixels& pixels) {
    size_t channel = 0;
    for (; channel + Vector::kWidth <= block.channels; channel += Vector::kWidth) {
        depthwise_vector<kRows, true>(block, pixels, channel);
    }
    if (channel < block.channels) depthwise_vector<kRows, false>(block, pixels, channel);
}

template <size_t kRows, size_t kVectors, typename Pixels>
void tile_of(size_t count, const IntegerBlock& block, const Pixels& pixels) {
    if (count == kRows) return tile<kRows, kVectors>(block, pixels);
    if constexpr (kRows > 1) tile_of<kRows - 1, kVectors>(count, block, pixels);
}

template <size_t kVectors = kPanelVectors>
void convolution(const IntegerBlock& block) {
    if (block.vectors == kVectors) {
        return for_each_tile<kTileRows[kVectors], uint8_t>(block, [&](const auto& pixels, size_t count) {
            tile_of<kTileRows[kVectors], kVectors>(count, block, pixels);
        });
    }
    if constexpr (kVectors > 1) convolution<kVectors - 1>(block);
}

template <size_t kRows, typename Pixels>
void depthwise_tile_of(size_t count, const IntegerBlock& block, const Pixels& pixels) {
    if (count == kRows) return depthwise_tile<kRows>(block, pixels);
    if constexpr (kRows > 1) depthwise_tile_of<kRows - 1>(count, block, pixels);
}

void depthwise_convolution(const IntegerBlock& block) {
    for_each_tile<kDepthwiseRows, uint8_t>(
        block, [&](const auto& pixels, size_t count) { depthwise_tile_of<kDepthwiseRows>(count, block, pixels); });
}
