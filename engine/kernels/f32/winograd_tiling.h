#pragma once

#include "engine/kernels/loops/convolution_loops.h"

#include <array>
#include <cstdint>

namespace eigenbit::internal {

inline constexpr std::int64_t kWinogradPoints = 36;

/// The outputs of a pass with 3×3 neighbouring taps and stride 1, divided into tiles of 4×4 pixels, image by image.
class WinogradTiling {
  public:
    explicit WinogradTiling(const ConvolutionLoops& pass);

    std::int64_t tiles() const { return pass_.images * rows_ * columns_; }
    /// The 6×6 pixels of the source that a tile reads; `zeros` where they lie outside of the image.
    std::array<const float*, 36> source(std::int64_t tile, const float* source, const float* zeros) const;
    /// The tile's 4×4 pixels of `target`, which is laid out like the outputs; `outside` where there are none.
    template <typename Element>
    std::array<Element*, 16> target(std::int64_t tile, Element* target, Element* outside) const;

  private:
    struct Place {
        std::int64_t image, row, column;
    };
    Place place(std::int64_t tile) const;

    const ConvolutionLoops& pass_;
    std::int64_t rows_, columns_;  // of tiles in an image
};

/// Some tiles' values at the 36 points: for each point, (tiles, channels).
struct WinogradPoints {
    float* values;
    std::int64_t channels;
    std::int64_t stride;  // floats between the points

    /// Floats between points that lie in different sets of the cache.
    static std::int64_t stride_of(std::int64_t tiles, std::int64_t channels);
    float* at(std::int64_t point, std::int64_t tile) const { return values + point * stride + tile * channels; }
};

/// Calls visit(tile, pixels) for the tiles begin … end-1, their pixels being pixels_of(tile), and asks meanwhile for
/// the next tile's: they come from far away, in an order that the CPU does not foresee.
template <typename PixelsOf, typename Visit>
void for_each_winograd_tile(std::int64_t begin, std::int64_t end, std::int64_t channels, const PixelsOf& pixels_of,
                            const Visit& visit) {
    constexpr std::int64_t kLineFloats = 16;
    auto pixels = pixels_of(begin);
    for (std::int64_t tile = begin; tile < end; ++tile) {
        const auto next = pixels_of(tile + 1 < end ? tile + 1 : tile);
        for (std::size_t i = 0; i < next.size(); ++i) {
            for (std::int64_t c = 0; c < channels; c += kLineFloats) __builtin_prefetch(next[i] + c);
        }
        visit(tile, pixels);
        pixels = next;
    }
}

/// Memory of this thread, of at least so many floats, that the next call reuses.
float* winograd_memory(std::int64_t floats);

/// Whether a pass can be tiled.
bool has_winograd_taps(const ConvolutionLoops& pass);

/// The number of equal blocks of tiles in which all are done: enough tiles share the weights, few enough stay in the
/// second-level cache.
std::int64_t winograd_blocks(std::int64_t tiles, std::int64_t source_channels, std::int64_t target_channels);

}  // namespace eigenbit::internal
