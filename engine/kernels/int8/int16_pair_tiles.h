// The text of the kernel that sums the products of two quads in 16 bits before they are widened where these fit, and of
// one where it fits, included like int8/convolution_tiles.h and after it, where Vector also has
//   add_products    of two quads at once, whose sums of products fit together
// block.int16_runs are short ones. All sums stay in registers, for which weights of two quads leave less room
// than in SumTile.

/// kRows pixels x kVectors vectors.
template <size_t kRows, size_t kVectors>
struct Int16PairTile {
    template <typename Pixels>
    [[gnu::noinline]] static void run(const Int8Block& block, const Pixels& pixels) {
        Vector::Sums sums[kRows][kVectors];
        start_sums(block, sums);
        const int8_t* weights = block.weights;
        const uint8_t* counts = block.int16_runs;
        for_each_segment<kRows>(
            block, pixels, [&](const auto& sources, size_t inputs) __attribute__((always_inline)) {
                for (size_t input = 0; input < inputs;) {
                    for (size_t count = *counts++; count > 0; --count) {
                        add_two_quads(sources, input, weights, sums);
                        weights += 2 * kQuadBytes;
                        input += 8;
                    }
                    for (size_t count = *counts++; count > 0; --count) {
                        add_quad(sources, input, weights, sums);
                        weights += kQuadBytes;
                        input += 4;
                    }
                    for (size_t count = *counts++; count > 0; --count) {
                        add_wide_quad(sources, input, weights, sums);
                        weights += kQuadBytes;
                        input += 4;
                    }
                }
            });
        store_sums(block, sums, pixels.outputs);
    }

  private:
    static constexpr size_t kQuadBytes = 4 * kVectors * Vector::kWidth;

    [[gnu::always_inline]] static void add_two_quads(const uint8_t* const (&sources)[kRows], size_t input,
                                                     const int8_t* weights, Vector::Sums (&sums)[kRows][kVectors]) {
        Vector::Sums first[kVectors];
        Vector::Sums second[kVectors];
#pragma GCC unroll 4
        for (size_t v = 0; v < kVectors; ++v) {
            first[v] = Vector::load_quads(weights + 4 * v * Vector::kWidth);
            second[v] = Vector::load_quads(weights + kQuadBytes + 4 * v * Vector::kWidth);
        }
#pragma GCC unroll 32
        for (size_t p = 0; p < kRows; ++p) {
            const Vector::Sums x = Vector::repeat(sources[p] + input);
            const Vector::Sums next = Vector::repeat(sources[p] + input + 4);
#pragma GCC unroll 4
            for (size_t v = 0; v < kVectors; ++v) {
                sums[p][v] = Vector::add_products(sums[p][v], x, first[v], next, second[v]);
            }
        }
    }

    /// One whose sums of products may not fit.
    [[gnu::always_inline]] static void add_wide_quad(const uint8_t* const (&sources)[kRows], size_t input,
                                                     const int8_t* weights, Vector::Sums (&sums)[kRows][kVectors]) {
        Vector::Weights w[kVectors];
#pragma GCC unroll 4
        for (size_t v = 0; v < kVectors; ++v) w[v] = Vector::load_weights(weights + 4 * v * Vector::kWidth);
#pragma GCC unroll 32
        for (size_t p = 0; p < kRows; ++p) {
            const Vector::Inputs x = Vector::broadcast_quad(sources[p] + input);
#pragma GCC unroll 4
            for (size_t v = 0; v < kVectors; ++v) sums[p][v] = Vector::dot(sums[p][v], x, w[v]);
        }
    }
};
