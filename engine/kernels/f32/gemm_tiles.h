// The text of the kernels for products with few vectors; see f32/forward_tiles.h, which comes before it. They
// read a matrix once, as it lies in memory: packing it would take longer than multiplying it.

constexpr size_t kDotRows = 4;                      // of the matrix, each a stream of its own
constexpr size_t kAxpyFactors = 4 * kPanelVectors;  // broadcast registers
constexpr size_t kMostAxpyRows = 8;                 // of the matrix

/// sums[v][r] = matrix row r · vector v.
template <size_t kVectors, size_t kRows>
[[gnu::noinline]] void dot_tile(const DotBlock& block, size_t vector, size_t row) {
    const float* vectors[kVectors];
    const float* rows[kRows];
    Register sums[kVectors][kRows];
#pragma GCC unroll 4
    for (size_t r = 0; r < kRows; ++r) rows[r] = block.matrix + static_cast<ptrdiff_t>(row + r) * block.row_stride;
#pragma GCC unroll 4
    for (size_t v = 0; v < kVectors; ++v) {
        vectors[v] = block.vectors + static_cast<ptrdiff_t>(vector + v) * block.vector_stride;
#pragma GCC unroll 4
        for (size_t r = 0; r < kRows; ++r) sums[v][r] = Vector::zero();
    }
    const auto add_products = [&](size_t k, auto... lanes) {
        Register x[kVectors];
#pragma GCC unroll 4
        for (size_t v = 0; v < kVectors; ++v) x[v] = Vector::load(vectors[v] + k, lanes...);
#pragma GCC unroll 4
        for (size_t r = 0; r < kRows; ++r) {
            const Register w = Vector::load(rows[r] + k, lanes...);
#pragma GCC unroll 4
            for (size_t v = 0; v < kVectors; ++v) sums[v][r] = Vector::fma(x[v], w, sums[v][r]);
        }
    };
    size_t k = 0;
    for (; k + Vector::kWidth <= block.depth; k += Vector::kWidth) add_products(k);
    if (k < block.depth) add_products(k, Vector::mask(block.depth - k));
#pragma GCC unroll 4
    for (size_t v = 0; v < kVectors; ++v) {
#pragma GCC unroll 4
        for (size_t r = 0; r < kRows; ++r) {
            float lanes[Vector::kWidth];
            Vector::store(lanes, sums[v][r]);
            for (size_t half = Vector::kWidth / 2; half > 0; half /= 2) {
                for (size_t lane = 0; lane < half; ++lane) lanes[lane] += lanes[lane + half];
            }
            float* const to = block.output + static_cast<ptrdiff_t>(vector + v) * block.output_vector_stride
                              + static_cast<ptrdiff_t>(row + r) * block.output_row_stride;
            *to = block.accumulate ? *to + lanes[0] : lanes[0];
        }
    }
}

template <size_t kVectors, size_t kRows>
void dot_tile_of(size_t count, const DotBlock& block, size_t vector, size_t row) {
    if (count == kRows) return dot_tile<kVectors, kRows>(block, vector, row);
    if constexpr (kRows > 1) dot_tile_of<kVectors, kRows - 1>(count, block, vector, row);
}

template <size_t kVectors>
void dot_vectors_of(size_t count, const DotBlock& block, size_t vector, size_t row) {
    if (count == kVectors) {
        const size_t left = block.rows - row;
        return dot_tile_of<kVectors, kDotRows>(left < kDotRows ? left : kDotRows, block, vector, row);
    }
    if constexpr (kVectors > 1) dot_vectors_of<kVectors - 1>(count, block, vector, row);
}

void dot(const DotBlock& block) {
    for (size_t row = 0; row < block.rows; row += kDotRows) {
        for (size_t vector = 0; vector < block.vector_count; vector += kPanelVectors) {
            const size_t left = block.vector_count - vector;
            dot_vectors_of<kPanelVectors>(left < kPanelVectors ? left : kPanelVectors, block, vector, row);
        }
    }
}

/// Adds kRows rows of the matrix, from `row` on, each times its factor, to kOutoutputsputs, from `output` on.
template <size_t kOutputs, size_t kRows>
[[gnu::noinline]] void axpy_tile(const AxpyBlock& block, size_t output, size_t row) {
    Register factors[kOutputs][kRows];
    float* outputs[kOutputs];
    const float* rows[kRows];
#pragma GCC unroll 4
    for (size_t o = 0; o < kOutputs; ++o) {
        outputs[o] = block.outputs + static_cast<ptrdiff_t>(output + o) * block.output_stride;
        const float* const of_output = block.factors + static_cast<ptrdiff_t>(output + o) * block.factor_stride + row;
#pragma GCC unroll 8
        for (size_t r = 0; r < kRows; ++r) factors[o][r] = Vector::broadcast(of_output + r);
    }
#pragma GCC unroll 8
    for (size_t r = 0; r < kRows; ++r) rows[r] = block.matrix + static_cast<ptrdiff_t>(row + r) * block.row_stride;
    const bool sets = row == 0 && !block.accumulate;
    const auto add_products = [&](size_t column, auto... lanes) {
        Register sums[kOutputs];
#pragma GCC unroll 4
        for (size_t o = 0; o < kOutputs; ++o) {
            sums[o] = sets ? Vector::zero() : Vector::load(outputs[o] + column, lanes...);
        }
#pragma GCC unroll 8
        for (size_t r = 0; r < kRows; ++r) {
            const Register w = Vector::load(rows[r] + column, lanes...);
#pragma GCC unroll 4
            for (size_t o = 0; o < kOutputs; ++o) sums[o] = Vector::fma(factors[o][r], w, sums[o]);
        }
#pragma GCC unroll 4
        for (size_t o = 0; o < kOutputs; ++o) Vector::store(outputs[o] + column, lanes..., sums[o]);
    };
    size_t column = 0;
    for (; column + Vector::kWidth <= block.columns; column += Vector::kWidth) add_products(column);
    if (column < block.columns) add_products(column, Vector::mask(block.columns - column));
}

template <size_t kOutputs, size_t kRows>
void axpy_tile_of(size_t count, const AxpyBlock& block, size_t output, size_t row) {
    if (count == kRows) return axpy_tile<kOutputs, kRows>(block, output, row);
    if constexpr (kRows > 1) axpy_tile_of<kOutputs, kRows - 1>(count, block, output, row);
}

template <size_t kOutputs>
void axpy_outputs_of(size_t count, const AxpyBlock& block, size_t output) {
    if (count == kOutputs) {
        constexpr size_t kRows = kAxpyFactors / kOutputs < kMostAxpyRows ? kAxpyFactors / kOutputs : kMostAxpyRows;
        for (size_t row = 0; row < block.rows; row += kRows) {
            const size_t left = block.rows - row;
            axpy_tile_of<kOutputs, kRows>(left < kRows ? left : kRows, block, output, row);
        }
        return;
    }
    if constexpr (kOutputs > 1) axpy_outputs_of<kOutputs - 1>(count, block, output);
}

void axpy(const AxpyBlock& block) {
    for (size_t output = 0; output < block.output_count; output += kPanelVectors) {
        const size_t left = block.output_count - output;
        axpy_outputs_of<kPanelVectors>(left < kPanelVectors ? left : kPanelVectors, block, output);
    }
}
