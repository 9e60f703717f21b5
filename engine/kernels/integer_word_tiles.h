// The text of the kernel for weights so small that 16 bits hold sums of their products, included like
// integer_convolution_tiles.h and after it, where Vector also has
//   Words           sums of 16 bits, two in a lane: no_words, load_quads, repeat_quad, dot_words, add_words
//   kWordTileRows   as kTileRows
// Sums of block.word_quads quads are made in registers, and added to those of 32 bits in memory.

/// kRows pixels x kVectors vectors.
template <size_t kRows, size_t kVectors>
struct WordTile {
    template <typename Pixels>
    [[gnu::noinline]] static void run(const IntegerBlock& block, const Pixels& pixels) {
        alignas(64) int32_t sums[kRows * kVectors * Vector::kWidth];
        for (size_t p = 0; p < kRows; ++p) {
            __builtin_memcpy(sums + p * kVectors * Vector::kWidth, block.start, sizeof sums / kRows);
        }
        const int8_t* weights = block.weights;
        for (size_t s = 0; s < block.grid.segment_count; ++s) {
            const uint8_t* sources[kRows];
#pragma GCC unroll 32
            for (size_t p = 0; p < kRows; ++p) sources[p] = pixels.sources[p] + block.grid.segments[s].offset;
            const size_t quads = block.grid.segments[s].quads;
            for (size_t q = 0; q < quads;) {
                const size_t end = quads - q < block.word_quads ? quads : q + block.word_quads;
                Vector::Words words[kRows][kVectors];
#pragma GCC unroll 32
                for (size_t p = 0; p < kRows; ++p) {
#pragma GCC unroll 4
                    for (size_t v = 0; v < kVectors; ++v) words[p][v] = Vector::no_words();
                }
                for (; q < end; ++q) {
                    Vector::Sums w[kVectors];
#pragma GCC unroll 4
                    for (size_t v = 0; v < kVectors; ++v) w[v] = Vector::load_quads(weights + 4 * v * Vector::kWidth);
                    weights += 4 * kVectors * Vector::kWidth;
#pragma GCC unroll 32
                    for (size_t p = 0; p < kRows; ++p) {
                        const Vector::Sums x = Vector::repeat_quad(sources[p] + 4 * q);
#pragma GCC unroll 4
                        for (size_t v = 0; v < kVectors; ++v) words[p][v] = Vector::dot_words(words[p][v], x, w[v]);
                    }
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
        }
        store(block, 0, kRows, kVectors, sums, pixels.outputs);
    }
};

void word_convolution(const IntegerBlock& block) { run_tiles<WordTile, kWordTileRows>(block); }
