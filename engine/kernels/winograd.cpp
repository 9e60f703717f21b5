#include "engine/kernels/winograd.h"

#include "engine/kernels/convolution_pass.h"
#include "engine/kernels/winograd_tiling.h"

#include <tbb/parallel_for.h>

#include <algorithm>
#include <limits>

namespace eigenbit {
namespace {

// Fewer channels than these are no work for the products, fewer tiles no work for the transformed weights.
constexpr std::int64_t kFewestChannels = 12;
constexpr std::int64_t kFewestTiles = 48;

/// At each point, sums (tiles, outputs) = sources (tiles, inputs) times the weights there.
void multiply(const WinogradWeights& weights, std::int64_t tiles, const WinogradPoints& sources,
              const WinogradPoints& sums) {
    const ConvolutionKernels& kernels = *weights.implementation().convolution;
    constexpr std::ptrdiff_t kHere = 0;
    for (std::int64_t point = 0; point < kWinogradPoints; ++point) {
        for (const WeightPanel& panel : weights.panels()) {
            kernels.forward({.grid = {.source = sources.at(point, 0),
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
    }
}

struct WinogradRun {
    const ConvolutionPass& pass;
    const WinogradWeights& weights;
    const float* bias;
    bool accumulate;
    const float* source;
    float* target;
};

void run_tiles(const WinogradRun& run, const WinogradTiling& tiling, std::int64_t begin, std::int64_t end) {
    const ConvolutionKernels& kernels = *run.weights.implementation().convolution;
    const std::int64_t inputs = run.pass.source_channels;
    const std::int64_t outputs = run.pass.target_channels;
    const std::int64_t source_stride = WinogradPoints::stride_of(end - begin, inputs);
    const std::int64_t sum_stride = WinogradPoints::stride_of(end - begin, outputs);
    float* const memory = winograd_memory(kWinogradPoints * (source_stride + sum_stride) + inputs + outputs);
    const WinogradPoints sources{memory, inputs, source_stride};
    const WinogradPoints sums{sources.at(kWinogradPoints, 0), outputs, sum_stride};
    float* const zeros = sums.at(kWinogradPoints, 0);
    float* const outside = zeros + inputs;
    std::fill_n(zeros, inputs + outputs, 0.0F);

    for_each_winograd_tile(
        begin, end, inputs, [&](std::int64_t tile) { return tiling.source(tile, run.source, zeros); },
        [&](std::int64_t tile, const auto& pixels) {
            kernels.winograd_source(
                {pixels.data(), static_cast<std::size_t>(inputs), sources.at(0, tile - begin), sources.stride});
        });
    multiply(run.weights, end - begin, sources, sums);
    for_each_winograd_tile(
        begin, end, outputs, [&](std::int64_t tile) { return tiling.target(tile, run.target, outside); },
        [&](std::int64_t tile, const auto& pixels) {
            kernels.winograd_output({sums.at(0, tile - begin), sums.stride, static_cast<std::size_t>(outputs), run.bias,
                                     pixels.data(), run.accumulate});
        });
}

void run_pass(const WinogradRun& run) {
    const WinogradTiling tiling(run.pass);
    const std::int64_t tiles = tiling.tiles();
    const std::int64_t blocks = winograd_blocks(tiles, run.pass.source_channels, run.pass.target_channels);
    tbb::parallel_for(std::int64_t{0}, blocks, [&](std::int64_t block) {
        run_tiles(run, tiling, tiles * block / blocks, tiles * (block + 1) / blocks);
    });
}

}  // namespace

bool suits_winograd(const ConvolutionGeometry& geometry) {
    const ConvolutionPass pass = forward_pass(geometry);
    return has_winograd_taps(pass) && std::min(geometry.i, geometry.o) >= kFewestChannels
           && WinogradTiling(pass).tiles() >= kFewestTiles;
}

void winograd_forward(const ConvolutionGeometry& geometry, const float* x, const WinogradWeights& weights,
                      const float* bias, float* y) {
    run_pass({forward_pass(geometry), weights, bias, false, x, y});
}

void winograd_input_gradient(const ConvolutionGeometry& geometry, const float* dy, const WinogradWeights& weights,
                             bool accumulate, float* dx) {
    const std::vector<ConvolutionPass> passes = input_gradient_passes(geometry);
    run_pass({passes.front(), weights, nullptr, accumulate, dy, dx});
}

}  // namespace eigenbit
