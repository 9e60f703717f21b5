#include "engine/kernels/convolution_pass.h"
#include "engine/kernels/winograd.h"
#include "engine/kernels/winograd_tiling.h"

#include <tbb/parallel_for.h>

#include <algorithm>

namespace eigenbit {
namespace {

// The tiles are divided into chunks with sums of their own as far as these are small, but into as many as make enough
// tasks with the panels. Both depend on the shapes alone.
constexpr std::int64_t kMostSums = 640 << 10;
constexpr std::int64_t kMostChunks = 16;
constexpr std::int64_t kFewestTasks = 8;

struct WeightGradientRun {
    const ConvolutionPass& pass;
    const ConvolutionKernels& kernels;
    const float* x;
    const float* dy;
};

/// Adds the products of some tiles to sums (36, inputs, lanes) of one panel.
void add_tiles(const WeightGradientRun& run, const WinogradTiling& tiling, const WeightPanel& panel, std::int64_t begin,
               std::int64_t end, float* sums) {
    const std::int64_t inputs = run.pass.source_channels;
    const std::int64_t lanes = panel.vectors * static_cast<std::int64_t>(run.kernels.width);
    const std::int64_t source_stride = WinogradPoints::stride_of(end - begin, inputs);
    const std::int64_t gradient_stride = WinogradPoints::stride_of(end - begin, panel.channels);
    const std::int64_t nothing = std::max(inputs, run.pass.target_channels);
    float* const memory = winograd_memory(kWinogradPoints * (source_stride + gradient_stride) + nothing);
    const WinogradPoints sources{memory, inputs, source_stride};
    const WinogradPoints gradients{sources.at(kWinogradPoints, 0), panel.channels, gradient_stride};
    const float* const zeros = gradients.at(kWinogradPoints, 0);
    std::fill_n(gradients.at(kWinogradPoints, 0), nothing, 0.0F);

    for_each_winograd_tile(
        begin, end, inputs, [&](std::int64_t tile) { return tiling.source(tile, run.x, zeros); },
        [&](std::int64_t tile, const auto& pixels) {
            run.kernels.winograd_source(
                {pixels.data(), static_cast<std::size_t>(inputs), sources.at(0, tile - begin), sources.stride});
        });
    const float* const dy = run.dy + panel.first_channel;
    for_each_winograd_tile(
        begin, end, panel.channels, [&](std::int64_t tile) { return tiling.target(tile, dy, zeros); },
        [&](std::int64_t tile, const auto& pixels) {
            run.kernels.winograd_gradient({pixels.data(), static_cast<std::size_t>(panel.channels),
                                           gradients.at(0, tile - begin), gradients.stride});
        });
    constexpr std::ptrdiff_t kHere = 0;
    for (std::int64_t point = 0; point < kWinogradPoints; ++point) {
        run.kernels.weight_gradient({.grid = {.source = sources.at(point, 0),
                                              .row_stride = 0,
                                              .column_stride = inputs,
                                              .columns = static_cast<std::size_t>(end - begin),
                                              .segments = &kHere,
                                              .segment_count = 1,
                                              .length = static_cast<std::size_t>(inputs)},
                                     .images = 1,
                                     .rows = 1,
                                     .image_stride = 0,
                                     .gradient = gradients.at(point, 0),
                                     .gradient_image_stride = 0,
                                     .gradient_row_stride = 0,
                                     .gradient_column_stride = panel.channels,
                                     .sums = sums + point * inputs * lanes,
                                     .vectors = static_cast<std::size_t>(panel.vectors),
                                     .channels = static_cast<std::size_t>(panel.channels)});
    }
}

}  // namespace

void winograd_weight_gradient(const ConvolutionGeometry& geometry, const float* x, const float* dy, bool accumulate,
                              float* dw, const CpuImplementation& implementation) {
    const ConvolutionKernels& kernels = *implementation.convolution;
    const auto width = static_cast<std::int64_t>(kernels.width);
    const ConvolutionPass pass = forward_pass(geometry);
    const WinogradTiling tiling(pass);
    const std::vector<WeightPanel> panels = weight_panels(geometry.o, 1, false, kernels.width, kernels.panel_vectors);
    const auto panel_count = static_cast<std::int64_t>(panels.size());
    const std::int64_t tiles = tiling.tiles();
    const std::int64_t blocks = winograd_blocks(tiles, pass.source_channels, pass.target_channels);
    const std::int64_t size = pass.source_channels * total_vectors(panels) * width;  // of one point
    const std::int64_t wanted = std::max(kMostSums / (kWinogradPoints * size), kFewestTasks / panel_count);
    const std::int64_t chunks = std::clamp<std::int64_t>(wanted, 1, std::min(blocks, kMostChunks));

    thread_local Tensor memory;  // a sum of every chunk, then the taps
    const std::int64_t taps_at = chunks * kWinogradPoints * size;
    if (memory.elements() < taps_at + 9 * size) memory = Tensor(Shape{taps_at + 9 * size});
    float* const all_sums = memory.data();
    const auto sums_of = [&](std::int64_t chunk, const WeightPanel& panel) {
        return all_sums + kWinogradPoints * (chunk * size + panel.vectors_before * pass.source_channels * width);
    };
    const auto panel_size = [&](const WeightPanel& panel) { return pass.source_channels * panel.vectors * width; };

    tbb::parallel_for(std::int64_t{0}, chunks * panel_count, [&](std::int64_t task) {
        const std::int64_t chunk = task / panel_count;
        const WeightPanel& panel = panels[static_cast<std::size_t>(task % panel_count)];
        float* const sums = sums_of(chunk, panel);
        std::fill_n(sums, kWinogradPoints * panel_size(panel), 0.0F);
        for (std::int64_t block = blocks * chunk / chunks; block < blocks * (chunk + 1) / chunks; ++block) {
            add_tiles({pass, kernels, x, dy}, tiling, panel, tiles * block / blocks, tiles * (block + 1) / blocks,
                      sums);
        }
    });
    for (const WeightPanel& panel : panels) {
        float* const total = sums_of(0, panel);
        constexpr std::int64_t kPart = 4096;
        const std::int64_t count = kWinogradPoints * panel_size(panel);
        tbb::parallel_for(std::int64_t{0}, (count + kPart - 1) / kPart, [&](std::int64_t part) {
            const std::int64_t end = std::min(count, (part + 1) * kPart);
            for (std::int64_t chunk = 1; chunk < chunks; ++chunk) {
                const float* const sums = sums_of(chunk, panel);
                for (std::int64_t i = part * kPart; i < end; ++i) total[i] += sums[i];
            }
        });
        winograd_tap_gradients(total, panel_size(panel),
                               all_sums + taps_at + 9 * panel.vectors_before * pass.source_channels * width);
    }
    unpack_weight_sums(geometry, panels, width, all_sums + taps_at, accumulate, dw);
}

}  // namespace eigenbit
