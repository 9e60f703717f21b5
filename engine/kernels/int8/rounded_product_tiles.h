// The text of the kernel for matrix products whose every product and sum is rounded. An instruction set's integer.cpp
// includes it inside an anonymous namespace, after defining Vector (see int8/convolution_tiles.h).

constexpr size_t kProductRows = 4;
constexpr size_t kProductVectors = 2;

/// kRows rows from `row` on, kVectors vectors of columns from `column` on. `lanes` is a Vector::Mask of the only
/// vector, or nothing.
template <size_t kRows, size_t kVectors, typename... Lanes>
[[gnu::noinline]] void product_tile(const RoundedProduct& product, size_t row, size_t column, Lanes... lanes) {
    Vector::Floats sums[kRows][kVectors];
    const float* a[kRows];
#pragma GCC unroll 4
    for (size_t r = 0; r < kRows; ++r) {
        a[r] = product.a + static_cast<ptrdiff_t>(row + r) * product.a_stride;
#pragma GCC unroll 4
        for (size_t v = 0; v < kVectors; ++v) sums[r][v] = Vector::broadcast(0.0F);
    }
    const float* b = product.b + column;
    for (size_t k = 0; k < product.depth; ++k, b += product.b_stride) {
        Vector::Floats of_b[kVectors];
#pragma GCC unroll 4
        for (size_t v = 0; v < kVectors; ++v) of_b[v] = Vector::load(b + v * Vector::kWidth, lanes...);
#pragma GCC unroll 4
        for (size_t r = 0; r < kRows; ++r) {
            const Vector::Floats of_a = Vector::broadcast(a[r][k]);
#pragma GCC unroll 4
            for (size_t v = 0; v < kVectors; ++v) sums[r][v] = Vector::multiply_add(of_a, of_b[v], sums[r][v]);
        }
    }
#pragma GCC unroll 4
    for (size_t r = 0; r < kRows; ++r) {
        float* const y = product.y + static_cast<ptrdiff_t>(row + r) * product.y_stride + column;
#pragma GCC unroll 4
        for (size_t v = 0; v < kVectors; ++v) Vector::store(y + v * Vector::kWidth, lanes..., sums[r][v]);
    }
}

template <size_t kRows, size_t kVectors, typename... Lanes>
void product_rows(const RoundedProduct& product, size_t row, size_t column, Lanes... lanes) {
    for (; row + kRows <= product.rows; row += kRows) product_tile<kRows, kVectors>(product, row, column, lanes...);
    if constexpr (kRows > 1) product_rows<kRows - 1, kVectors>(product, row, column, lanes...);
}

void rounded_product(const RoundedProduct& product) {
    constexpr size_t kColumns = kProductVectors * Vector::kWidth;
    size_t column = 0;
    for (; column + kColumns <= product.columns; column += kColumns) {
        product_rows<kProductRows, kProductVectors>(product, 0, column);
    }
    for (; column < product.columns; column += Vector::kWidth) {
        product_rows<kProductRows, 1>(product, 0, column, Vector::mask(product.columns - column));
    }
}
