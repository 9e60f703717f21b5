#include "engine/kernels/f32/winograd.h"

#include "engine/kernels/f32/winograd_tiling.h"
#include "engine/kernels/loops/convolution_loops.h"

#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

namespace eigenbit::internal {
namespace {

// Fewer channels than these are no work for the products, fewer tiles no work for the transformed weights.
constexpr std::int64_t kFewestChannels = 12;
constexpr std::int64_t kFewestTiles = 16;
constexpr std::int64_t kFewestTilesOfRun = 48;

/// At a point, the sums (tiles, outputs) of a panel = sources (tiles, inputs) times the weights there.
void multiply(const WinogradWeights& weights, std::int64_t point, const WeightPanel& panel, std::int64_t tiles,
              const WinogradPoints& sources, const WinogradPoints& sums) {
    constexpr std::ptrdiff_t kHere = 0;
    weights.implementation().convolution->forward({.grid = {.source = sources.at(point, 0),
                                                            .row_stride = 0,
                                                            .column_stride = sources.channels,
                                                            .columns = static_cast<std::size_t>(tiles),
                                                            .segments = &kHere,
                                                            .segment_count = 1,
                                                            .length = static_cast<std::size_t>(sources.channels)},
                                                   .pixel_begin = 0,
                                                   .pixel_end = static_cast<std::size_t>(tiles),
                                                   .weights = weights.weights(point, panel),
                                                   .vectors = static_cast<std::size_t>(panel.vectors),
                                                   .channels = static_cast<std::size_t>(panel.channels),
                                                   .output = sums.at(point, 0) + panel.first_channel,
                                                   .output_row_stride = 0,
                                                   .output_column_stride = sums.channels,
                                                   .residual = nullptr,
                                                   .bias = nullptr,
                                                   .low = -std::numeric_limits<float>::infinity(),
                                                   .high = std::numeric_limits<float>::infinity(),
                                                   .accumulate = false,
                                                   .finish = false});
}

struct WinogradRun {
    const ConvolutionLoops& pass;
    const WinogradWeights& weights;
    const ConvolutionEpilogue& epilogue;
    const float* source;
    float* target;
};

/// A tile's outputs by plain sums.
void run_directly(const WinogradRun& run, const std::array<const float*, 36>& sources,
                  const std::array<const float*, 16>& residuals, const std::array<float*, 16>& targets) {
    const ConvolutionKernels& kernels = *run.weights.implementation().convolution;
    const std::int64_t inputs = run.pass.source_channels;
    const std::int64_t outputs = run.pass.target_channels;
    std::vector<float> source(static_cast<std::size_t>(36 * inputs));
    std::vector<float> target(static_cast<std::size_t>(16 * outputs));
    for (std::size_t p = 0; p < 36; ++p) {
        std::copy_n(sources[p], inputs, source.data() + static_cast<std::int64_t>(p) * inputs);
    }
    for (std::size_t p = 0; p < 16 && run.epilogue.residual != nullptr; ++p) {
        std::copy_n(residuals[p], outputs, target.data() + static_cast<std::int64_t>(p) * outputs);
    }
    const std::array<std::ptrdiff_t, 3> rows{0, 6 * inputs, 12 * inputs};
    for (const WeightPanel& panel : run.weights.panels()) {
        float* const panel_target = target.data() + panel.first_channel;
        kernels.forward({.grid = {.source = source.data(),
                                  .row_stride = 6 * inputs,
                                  .column_stride = inputs,
                                  .columns = 4,
                                  .segments = rows.data(),
                                  .segment_count = rows.size(),
                                  .length = static_cast<std::size_t>(3 * inputs)},
                         .pixel_begin = 0,
                         .pixel_end = 16,
                         .weights = run.weights.taps(panel),
                         .vectors = static_cast<std::size_t>(panel.vectors),
                         .channels = static_cast<std::size_t>(panel.channels),
                         .output = panel_target,
                         .output_row_stride = 4 * outputs,
                         .output_column_stride = outputs,
                         .residual = run.epilogue.residual != nullptr ? panel_target : nullptr,
                         .bias = run.epilogue.bias != nullptr ? run.epilogue.bias + panel.first_channel : nullptr,
                         .low = run.epilogue.low,
                         .high = run.epilogue.high,
                         .accumulate = false,
                         .finish = true});
    }
    for (std::size_t p = 0; p < 16; ++p) {
        std::copy_n(target.data() + static_cast<std::int64_t>(p) * outputs, outputs, targets[p]);
    }
}

/// Calls visit(begin, end) for 0 … count-1, whole or in parts at the same time.
template <typename Visit>
void divide(std::int64_t count, bool at_the_same_time, const Visit& visit) {
    if (!at_the_same_time) return visit(0, count);
    tbb::parallel_for(tbb::blocked_range<std::int64_t>(0, count),
                      [&](const auto& range) { visit(range.begin(), range.end()); });
}

void run_tiles(const WinogradRun& run, const WinogradTiling& tiling, std::int64_t begin, std::int64_t end,
               bool divided) {
    const ConvolutionKernels& kernels = *run.weights.implementation().convolution;
    const std::int64_t inputs = run.pass.source_channels;
    const std::int64_t outputs = run.pass.target_channels;
    const std::int64_t source_stride = WinogradPoints::stride_of(end - begin, inputs);
    const std::int64_t sum_stride = WinogradPoints::stride_of(end - begin, outputs);
    float* const memory = winograd_memory(kWinogradPoints * (source_stride + sum_stride) + inputs + end - begin);
    const WinogradPoints sources{memory, inputs, source_stride};
    const WinogradPoints sums{sources.at(kWinogradPoints, 0), outputs, sum_stride};
    float* const zeros = sums.at(kWinogradPoints, 0);
    std::fill_n(zeros, inputs, 0.0F);
    float* const suitable = zeros + inputs;  // by tile, 1 or 0
    // What lies outside of the image is written over points that have been read.
    const auto outside = [&](std::int64_t tile) { return sums.at(0, tile - begin); };

    divide(end - begin, divided, [&](std::int64_t first, std::int64_t last) {
        for_each_winograd_tile(
            begin + first, begin + last, inputs,
            [&](std::int64_t tile) { return tiling.source(tile, run.source, zeros); },
            [&](std::int64_t tile, const auto& pixels) {
                const bool suits = kernels.winograd_source(
                    {pixels.data(), static_cast<std::size_t>(inputs), sources.at(0, tile - begin), sources.stride});
                suitable[tile - begin] = suits ? 1.0F : 0.0F;
            });
    });
    const std::span<const WeightPanel> panels = run.weights.panels();
    const auto panel_count = static_cast<std::int64_t>(panels.size());
    divide(kWinogradPoints * panel_count, divided, [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t i = first; i < last; ++i) {
            const WeightPanel& panel = panels[static_cast<std::size_t>(i % panel_count)];
            multiply(run.weights, i / panel_count, panel, end - begin, sources, sums);
        }
    });
    divide(end - begin, divided, [&](std::int64_t first, std::int64_t last) {
        for_each_winograd_tile(
            begin + first, begin + last, outputs,
            [&](std::int64_t tile) { return tiling.target(tile, run.target, outside(tile)); },
            [&](std::int64_t tile, const auto& pixels) {
                const ConvolutionEpilogue& epilogue = run.epilogue;
                std::array<const float*, 16> residuals{};
                if (epilogue.residual) {
                    residuals = tiling.target<const float>(tile, epilogue.residual, outside(tile));
                }
                if (suitable[tile - begin] == 0.0F) {
                    return run_directly(run, tiling.source(tile, run.source, zeros), residuals, pixels);
                }
                kernels.winograd_output({.points = sums.at(0, tile - begin),
                                         .point_stride = sums.stride,
                                         .channels = static_cast<std::size_t>(outputs),
                                         .bias = epilogue.bias,
                                         .residuals = epilogue.residual ? residuals.data() : nullptr,
                                         .low = epilogue.low,
                                         .high = epilogue.high,
                                         .pixels = pixels.data()});
            });
    });
}

/// Threads that may work for this one.
std::int64_t concurrency() {
    const auto allowed = tbb::global_control::active_value(tbb::global_control::max_allowed_parallelism);
    return std::min(static_cast<std::int64_t>(allowed),
                    static_cast<std::int64_t>(tbb::this_task_arena::max_concurrency()));
}

void run_pass(const WinogradRun& run) {
    const WinogradTiling tiling(run.pass);
    const std::int64_t tiles = tiling.tiles();
    const std::int64_t blocks = winograd_blocks(tiles, run.pass.source_channels, run.pass.target_channels);
    const std::int64_t threads = concurrency();
    if (threads > 1 && blocks < 2 * threads) {
        // While it waits for others this thread must begin nothing else that needs its memory.
        return tbb::this_task_arena::isolate([&] { run_tiles(run, tiling, 0, tiles, true); });
    }
    tbb::parallel_for(std::int64_t{0}, blocks, [&](std::int64_t block) {
        run_tiles(run, tiling, tiles * block / blocks, tiles * (block + 1) / blocks, false);
    });
}

}  // namespace

bool suits_winograd(const ConvolutionGeometry& geometry, WeightPacking packing) {
    const std::int64_t fewest_tiles = packing == WeightPacking::once ? kFewestTiles : kFewestTilesOfRun;
    const ConvolutionLoops pass = forward_pass(geometry);
    return has_winograd_taps(pass) && std::min(geometry.i, geometry.o) >= kFewestChannels
           && WinogradTiling(pass).tiles() >= fewest_tiles;
}

void winograd_forward(const ConvolutionGeometry& geometry, const float* x, const WinogradWeights& weights,
                      const ConvolutionEpilogue& epilogue, float* y) {
    run_pass({forward_pass(geometry), weights, epilogue, x, y});
}

void winograd_input_gradient(const ConvolutionGeometry& geometry, const float* dy, const WinogradWeights& weights,
                             bool accumulate, float* dx) {
    const std::vector<ConvolutionLoops> passes = input_gradient_passes(geometry);
    run_pass({passes.front(), weights, {.residual = accumulate ? dx : nullptr}, dy, dx});
}

}  // namespace eigenbit::internal
