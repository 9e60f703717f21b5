#include "engine/kernels/f32/winograd.h"
#include "engine/kernels/f32/winograd_tiling.h"
#include "engine/kernels/loops/convolution_loops.h"

#include <tbb/parallel_for.h>

#include <algorithm>

namespace eigenbit::internal {
namespace {

// The tiles are divided into chunks with sums of their own as far as these are small, but into as many as make enough
// tasks with the panels. Both depend on the shapes alone.
constexpr std::int64_t kMostSums = 640 << 10;
constexpr std::int64_t kMostChunks = 16;
constexpr std::int64_t kFewestTasks = 8;

struct WeightGradientRun {
    const ConvolutionLoops& pass;
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

/// How the work on one geometry is divided, and where its sums lie: for every chunk and panel (36, inputs, lanes), then
/// the taps that they become.
struct Division {
    ConvolutionLoops pass;
    std::vector<WeightPanel> panels;
    std::int64_t width, tiles, blocks, chunks;

    Division(const ConvolutionGeometry& geometry, const ConvolutionKernels& kernels)
        : pass(forward_pass(geometry)),
          panels(weight_panels(geometry.o, 1, false, kernels.width, kernels.panel_vectors)),
          width(static_cast<std::int64_t>(kernels.width)),
          tiles(WinogradTiling(pass).tiles()),
          blocks(winograd_blocks(tiles, pass.source_channels, pass.target_channels)) {
        const std::int64_t wanted =
            std::max(kMostSums / (kWinogradPoints * point_floats()), kFewestTasks / panel_count());
        chunks = std::clamp<std::int64_t>(wanted, 1, std::clamp<std::int64_t>(blocks, 1, kMostChunks));
    }

    std::int64_t panel_count() const { return static_cast<std::int64_t>(panels.size()); }
    std::int64_t point_floats() const { return pass.source_channels * total_vectors(panels) * width; }
    std::int64_t panel_floats(const WeightPanel& panel) const { return pass.source_channels * panel.vectors * width; }
    std::int64_t floats() const { return (chunks * kWinogradPoints + 9) * point_floats(); }
    std::int64_t sums(std::int64_t chunk, const WeightPanel& panel) const {
        return kWinogradPoints * (chunk * point_floats() + before(panel));
    }
    std::int64_t taps() const { return chunks * kWinogradPoints * point_floats(); }
    std::int64_t taps(const WeightPanel& panel) const { return taps() + 9 * before(panel); }

  private:
    std::int64_t before(const WeightPanel& panel) const { return pass.source_channels * panel.vectors_before * width; }
};

/// Adds all chunks' sums of a panel to the first's, in order.
void reduce(const Division& division, const WeightPanel& panel, float* workspace) {
    constexpr std::int64_t kPart = 4096;
    float* const total = workspace + division.sums(0, panel);
    const std::int64_t count = kWinogradPoints * division.panel_floats(panel);
    tbb::parallel_for(std::int64_t{0}, (count + kPart - 1) / kPart, [&](std::int64_t part) {
        const std::int64_t end = std::min(count, (part + 1) * kPart);
        for (std::int64_t chunk = 1; chunk < division.chunks; ++chunk) {
            const float* const sums = workspace + division.sums(chunk, panel);
            for (std::int64_t i = part * kPart; i < end; ++i) total[i] += sums[i];
        }
    });
}

}  // namespace

std::int64_t winograd_weight_gradient_workspace(const ConvolutionGeometry& geometry,
                                                const CpuImplementation& implementation) {
    return Division(geometry, *implementation.convolution).floats();
}

void winograd_weight_gradient(const ConvolutionGeometry& geometry, const float* x, const float* dy, bool accumulate,
                              float* dw, float* workspace, const CpuImplementation& implementation) {
    const ConvolutionKernels& kernels = *implementation.convolution;
    const Division division(geometry, kernels);
    Tensor own;
    if (workspace == nullptr) own = Tensor(Shape{division.floats()});
    float* const memory = workspace != nullptr ? workspace : own.data();
    const WinogradTiling tiling(division.pass);
    const std::int64_t tiles = division.tiles;
    const std::int64_t blocks = division.blocks;
    const std::int64_t chunks = division.chunks;

    tbb::parallel_for(std::int64_t{0}, division.chunks * division.panel_count(), [&](std::int64_t task) {
        const std::int64_t chunk = task / division.panel_count();
        const WeightPanel& panel = division.panels[static_cast<std::size_t>(task % division.panel_count())];
        float* const sums = memory + division.sums(chunk, panel);
        std::fill_n(sums, kWinogradPoints * division.panel_floats(panel), 0.0F);
        for (std::int64_t block = blocks * chunk / chunks; block < blocks * (chunk + 1) / chunks; ++block) {
            add_tiles({division.pass, kernels, x, dy}, tiling, panel, tiles * block / blocks,
                      tiles * (block + 1) / blocks, sums);
        }
    });
    for (const WeightPanel& panel : division.panels) {
        reduce(division, panel, memory);
        winograd_tap_gradients(memory + division.sums(0, panel), division.panel_floats(panel),
                               memory + division.taps(panel));
    }
    unpack_weight_sums(geometry, division.panels, division.width, memory + division.taps(), accumulate, dw);
}

}  // namespace eigenbit::internal
