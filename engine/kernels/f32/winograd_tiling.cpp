#include "engine/kernels/f32/winograd_tiling.h"

#include "engine/base/tensor.h"

#include <algorithm>

namespace eigenbit::internal {
namespace {

constexpr std::int64_t kOutputs = 4;  // rows and columns of a tile
constexpr std::int64_t kInputs = 6;
constexpr std::int64_t kLineFloats = 16;

// Multiples of 24 fill the register tiles of every panel size.
constexpr std::int64_t kFewestTiles = 24;
constexpr std::int64_t kBlockFloats = 64 << 10;

}  // namespace

WinogradTiling::WinogradTiling(const ConvolutionLoops& pass)
    : pass_(pass),
      rows_((pass.y.outputs + kOutputs - 1) / kOutputs),
      columns_((pass.x.outputs + kOutputs - 1) / kOutputs) {}

WinogradTiling::Place WinogradTiling::place(std::int64_t tile) const {
    return {tile / (rows_ * columns_), tile / columns_ % rows_ * kOutputs, tile % columns_ * kOutputs};
}

std::array<const float*, 36> WinogradTiling::source(std::int64_t tile, const float* source, const float* zeros) const {
    const auto [image, tile_row, tile_column] = place(tile);
    const std::int64_t first_row = tile_row + pass_.y.origin;
    const std::int64_t first_column = tile_column + pass_.x.origin;
    std::array<const float*, 36> pixels{};
    for (std::int64_t y = 0; y < kInputs; ++y) {
        const std::int64_t row = first_row + y;
        const bool row_exists = row >= 0 && row < pass_.y.source_extent;
        const float* const line =
            source + (image * pass_.y.source_extent + row) * pass_.x.source_extent * pass_.source_channels;
        for (std::int64_t x = 0; x < kInputs; ++x) {
            const std::int64_t column = first_column + x;
            const bool exists = row_exists && column >= 0 && column < pass_.x.source_extent;
            pixels[static_cast<std::size_t>(kInputs * y + x)] = exists ? line + column * pass_.source_channels : zeros;
        }
    }
    return pixels;
}

template <typename Element>
std::array<Element*, 16> WinogradTiling::target(std::int64_t tile, Element* target, Element* outside) const {
    const auto [image, first_row, first_column] = place(tile);
    std::array<Element*, 16> pixels{};
    for (std::int64_t y = 0; y < kOutputs; ++y) {
        const std::int64_t row = first_row + y;
        Element* const line = target + (image * pass_.y.outputs + row) * pass_.x.outputs * pass_.target_channels;
        for (std::int64_t x = 0; x < kOutputs; ++x) {
            const std::int64_t column = first_column + x;
            const bool exists = row < pass_.y.outputs && column < pass_.x.outputs;
            pixels[static_cast<std::size_t>(kOutputs * y + x)] =
                exists ? line + column * pass_.target_channels : outside;
        }
    }
    return pixels;
}

template std::array<float*, 16> WinogradTiling::target(std::int64_t, float*, float*) const;
template std::array<const float*, 16> WinogradTiling::target(std::int64_t, const float*, const float*) const;

std::int64_t WinogradPoints::stride_of(std::int64_t tiles, std::int64_t channels) {
    const std::int64_t lines = (tiles * channels + kLineFloats - 1) / kLineFloats;
    return (lines | 1) * kLineFloats;
}

float* winograd_memory(std::int64_t floats) {
    thread_local Tensor memory;
    if (memory.elements() < floats) memory = Tensor(Shape{floats});
    return memory.data();
}

bool has_winograd_taps(const ConvolutionLoops& pass) {
    const auto fits = [](const LoopAxis& axis) {
        return axis.taps.size() == 3 && axis.reach() == 2 && axis.step == 1 && axis.spacing == 1;
    };
    return pass.groups == 1 && fits(pass.y) && fits(pass.x);
}

std::int64_t winograd_blocks(std::int64_t tiles, std::int64_t source_channels, std::int64_t target_channels) {
    const std::int64_t fitting = kBlockFloats / (kWinogradPoints * (source_channels + target_channels));
    const std::int64_t block = std::max(kFewestTiles, fitting / kFewestTiles * kFewestTiles);
    return (tiles + block - 1) / block;
}

}  // namespace eigenbit::internal
