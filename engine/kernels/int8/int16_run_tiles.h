// The text of the kernel that sums products in 16 bits, included like int8/convolution_tiles.h and after it, where
// Vector also has
//   Words           sums of 16 bits, two in a lane: load_quads, repeat, multiply_words, add_to_words, add_words
// The words of each of block.int16_runs are made in registers, and added to sums of 32 bits in memory.

/// kRows pixels x kVectors vectors.
template <size_t kRows, size_t kVectors>
struct Int16RunTile {
    template <typename Pixels>
    [[gnu::noinline]] static void run(const Int8Block& block, const Pixels& pixels) {
        alignas(64) int32_t memory[kRows * kVectors * Vector::kWidth];
        for (size_t p = 0; p < kRows; ++p) {
            __builtin_memcpy(memory + p * kVectors * Vector::kWidth, block.start, sizeof memory / kRows);
        }
        // Or else the compiler would hold some of them in registers, which the words need (measured).
        int32_t* sums = memory;
        asm volatile("" : "+r"(sums) : : "memory");
        const int8_t* weights = block.weights;
        const uint8_t* lengths = block.int16_runs;
        for_each_segment<kRows>(
            block, pixels, [&](const auto& sources, size_t inputs) __attribute__((always_inline)) {
                for (size_t input = 0; input < inputs;) {
                    const size_t length = *lengths++;
                    if (length == 0) {
                        for (size_t count = *lengths++; count > 0; --count) add_quad(sources, input, weights, sums);
                    } else {
                        add_run(sources, input, input + 4 * length, weights, sums);
                    }
                }
            });
        store<kVectors>(block, kRows, sums, pixels.outputs);
    }

  private:
    static constexpr size_t kQuadBytes = 4 * kVectors * Vector::kWidth;

    /// Moves past the inputs to `end` and their weights.
    [[gnu::always_inline]] static void add_run(const uint8_t* const (&sources)[kRows], size_t& input, size_t end,
                                               const int8_t*& weights, int32_t* sums) {
        Vector::Words words[kRows][kVectors];
        const auto for_each_product = [&](const auto& visit) __attribute__((always_inline)) {
            Vector::Sums w[kVectors];
#pragma GCC unroll 4
            for (size_t v = 0; v < kVectors; ++v) w[v] = Vector::load_quads(weights + 4 * v * Vector::kWidth);
#pragma GCC unroll 32
            for (size_t p = 0; p < kRows; ++p) {
                const Vector::Sums x = Vector::repeat(sources[p] + input);
#pragma GCC unroll 4
                for (size_t v = 0; v < kVectors; ++v) visit(words[p][v], x, w[v]);
            }
            weights += kQuadBytes;
            input += 4;
        };
        for_each_product([](Vector::Words & to, Vector::Sums x, Vector::Sums w)
                             __attribute__((always_inline)) { to = Vector::multiply_words(x, w); });
        while (input < end) {
            for_each_product([](Vector::Words & to, Vector::Sums x, Vector::Sums w)
                                 __attribute__((always_inline)) { to = Vector::add_to_words(to, x, w); });
        }
#pragma GCC unroll 32
        for (size_t p = 0; p < kRows; ++p) {
#pragma GCC unroll 4
            for (size_t v = 0; v < kVectors; ++v) {
                int32_t* const at = sums + (p * kVectors + v) * Vector::kWidth;
                Vector::store_sums(at, Vector::add_words(Vector::load_sums(at), words[p][v]));
            }
        }
    }

    /// One whose sums of products do not fit.
    [[gnu::always_inline]] static void add_quad(const uint8_t* const (&sources)[kRows], size_t& input,
                                                const int8_t*& weights, int32_t* sums) {
        for (size_t v = 0; v < kVectors; ++v) {
            const Vector::Weights w = Vector::load_weights(weights + 4 * v * Vector::kWidth);
            for (size_t p = 0; p < kRows; ++p) {
                int32_t* const at = sums + (p * kVectors + v) * Vector::kWidth;
                const Vector::Inputs x = Vector::broadcast_quad(sources[p] + input);
                Vector::store_sums(at, Vector::dot(Vector::load_sums(at), x, w));
            }
        }
        weights += kQuadBytes;
        input += 4;
    }
};
