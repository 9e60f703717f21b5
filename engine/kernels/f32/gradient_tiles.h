// The text of the weight gradient kernels; see f32/forward_tiles.h.

// Pixels often lie whole pages apart, where the CPU does not foresee them. So many take about as long to compute as one
// takes to come from memory.
constexpr ptrdiff_t kPixelsAhead = 16;

/// Calls visit(source, gradient) with the first pixel of every row, the source moved by `offset`.
template <typename Visit>
inline void for_each_row(const WeightGradientBlock& block, ptrdiff_t offset, const Visit& visit) {
    for (ptrdiff_t image = 0; image < static_cast<ptrdiff_t>(block.images); ++image) {
        for (ptrdiff_t row = 0; row < static_cast<ptrdiff_t>(block.rows); ++row) {
            visit(block.grid.source + image * block.image_stride + row * block.grid.row_stride + offset,
                  block.gradient + image * block.gradient_image_stride + row * block.gradient_row_stride);
        }
    }
}

/// kRows neighbouring inputs of one segment, starting at `offset` from a pixel's source.
template <size_t kRows, size_t kVectors>
[[gnu::noinline]] void weight_gradient_tile(const WeightGradientBlock& block, ptrdiff_t offset, float* sums_out) {
    const Vector::Mask last = Vector::mask(block.channels - (kVectors - 1) * Vector::kWidth);
    Register sums[kRows][kVectors];
#pragma GCC unroll 32
    for (size_t k = 0; k < kRows; ++k) {
#pragma GCC unroll 4
        for (size_t v = 0; v < kVectors; ++v) {
            const float* const at = sums_out + (k * kVectors + v) * Vector::kWidth;
            sums[k][v] = Vector::load(at);
            __builtin_prefetch(at + kRows * kVectors * Vector::kWidth, 1);  // the next tile's
        }
    }
    for_each_row(block, offset, [&](const float* x, const float* gradient) {
        for (size_t column = 0; column < block.grid.columns; ++column) {
            __builtin_prefetch(x + kPixelsAhead * block.grid.column_stride);
            const float* const ahead = gradient + kPixelsAhead * block.gradient_column_stride;
#pragma GCC unroll 4
            for (size_t v = 0; v < kVectors; ++v) __builtin_prefetch(ahead + v * Vector::kWidth);
            Register dy[kVectors];
#pragma GCC unroll 4
            for (size_t v = 0; v + 1 < kVectors; ++v) dy[v] = Vector::load(gradient + v * Vector::kWidth);
            dy[kVectors - 1] = Vector::load(gradient + (kVectors - 1) * Vector::kWidth, last);
#pragma GCC unroll 32
            for (size_t k = 0; k < kRows; ++k) {
                const Register value = Vector::broadcast(x + k);
#pragma GCC unroll 4
                for (size_t v = 0; v < kVectors; ++v) sums[k][v] = Vector::fma(value, dy[v], sums[k][v]);
            }
            x += block.grid.column_stride;
            gradient += block.gradient_column_stride;
        }
    });
#pragma GCC unroll 32
    for (size_t k = 0; k < kRows; ++k) {
#pragma GCC unroll 4
        for (size_t v = 0; v < kVectors; ++v) Vector::store(sums_out + (k * kVectors + v) * Vector::kWidth, sums[k][v]);
    }
}

template <size_t kRows, size_t kVectors>
void weight_gradient_tile_of(size_t count, const WeightGradientBlock& block, ptrdiff_t offset, float* sums) {
    if (count == kRows) return weight_gradient_tile<kRows, kVectors>(block, offset, sums);
    if constexpr (kRows > 1) weight_gradient_tile_of<kRows - 1, kVectors>(count, block, offset, sums);
}

template <size_t kVectors = kPanelVectors>
void weight_gradient(const WeightGradientBlock& block) {
    if (block.vectors == kVectors) {
        constexpr size_t kRows = kTileRows[kVectors];
        const size_t length = block.grid.length;
        const size_t tiles = (length + kRows - 1) / kRows;
        float* sums = block.sums;
        for (size_t s = 0; s < block.grid.segment_count; ++s) {
            for (size_t tile = 0; tile < tiles; ++tile) {  // of equal sizes, but for one
                const size_t begin = length * tile / tiles;
                const size_t count = length * (tile + 1) / tiles - begin;
                const ptrdiff_t offset = block.grid.segments[s] + static_cast<ptrdiff_t>(begin);
                weight_gradient_tile_of<kRows, kVectors>(count, block, offset, sums);
                sums += count * kVectors * Vector::kWidth;
            }
        }
        return;
    }
    if constexpr (kVectors > 1) weight_gradient<kVectors - 1>(block);
}

/// kRows taps, starting at tap s.
template <size_t kRows>
[[gnu::noinline]] void depthwise_weight_gradient_tile(const WeightGradientBlock& block, size_t s, size_t channel,
                                                      float* sums_out) {
    const Vector::Mask mask = Vector::mask(block.channels - channel);
    ptrdiff_t taps[kRows];
    Register sums[kRows];
#pragma GCC unroll 32
    for (size_t k = 0; k < kRows; ++k) {
        taps[k] = block.grid.segments[s + k];
        sums[k] = Vector::load(sums_out + k * Vector::kWidth);
    }
    for_each_row(block, static_cast<ptrdiff_t>(channel), [&](const float* x, const float* gradient) {
        gradient += channel;
        for (size_t column = 0; column < block.grid.columns; ++column) {
            const Register dy = Vector::load(gradient, mask);
#pragma GCC unroll 32
            for (size_t k = 0; k < kRows; ++k) sums[k] = Vector::fma(dy, Vector::load(x + taps[k], mask), sums[k]);
            x += block.grid.column_stride;
            gradient += block.gradient_column_stride;
        }
    });
#pragma GCC unroll 32
    for (size_t k = 0; k < kRows; ++k) Vector::store(sums_out + k * Vector::kWidth, sums[k]);
}

template <size_t kRows>
void depthwise_weight_gradient_tile_of(size_t count, const WeightGradientBlock& block, size_t s, size_t channel,
                                       float* sums) {
    if (count == kRows) return depthwise_weight_gradient_tile<kRows>(block, s, channel, sums);
    if constexpr (kRows > 1) depthwise_weight_gradient_tile_of<kRows - 1>(count, block, s, channel, sums);
}

void depthwise_weight_gradient(const WeightGradientBlock& block) {
    const size_t taps = block.grid.segment_count;
    for (size_t channel = 0; channel < block.channels; channel += Vector::kWidth) {
        for (size_t s = 0; s < taps; s += kDepthwiseRows) {
            const size_t count = taps - s < kDepthwiseRows ? taps - s : kDepthwiseRows;
            depthwise_weight_gradient_tile_of<kDepthwiseRows>(count, block, s, channel,
                                                              block.sums + channel * taps + s * Vector::kWidth);
        }
    }
}
