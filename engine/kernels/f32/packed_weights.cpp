#include "engine/kernels/f32/packed_weights.h"

#include "engine/kernels/loops/convolution_loops.h"

#include <tbb/parallel_for.h>

#include <algorithm>

namespace eigenbit::internal {
namespace {

/// Where the weights of a panel and tap lie: first + lane * lane_stride + c * depth_stride, c being the channel summed
/// over.
struct TapWeights {
    std::int64_t first, lane_stride, depth_stride;
};

TapWeights tap_weights(const ConvolutionGeometry& g, bool gradient, const WeightPanel& panel, std::int64_t tap) {
    const std::int64_t inputs = g.i / g.groups;
    const std::int64_t filter = g.kh * g.kw * inputs;
    if (!gradient || g.depthwise()) return {panel.first_channel * filter + tap * inputs, filter, 1};
    const std::int64_t channel = panel.first_channel - panel.group * inputs;
    return {panel.group * (g.o / g.groups) * filter + tap * inputs + channel, 1, filter};
}

/// Calls visit(tap, depth before it) for the kernel's taps in the order of the pass.
template <typename Visit>
void for_each_tap(const ConvolutionGeometry& g, const ConvolutionLoops& pass, const Visit& visit) {
    std::int64_t depth = 0;
    for (const std::int64_t row : pass.y.kernel_index) {
        for (const std::int64_t column : pass.x.kernel_index) {
            visit(row * g.kw + column, depth);
            depth += pass.source_channels / pass.groups;
        }
    }
}

/// to (columns, rows) = from (rows, columns), or += it; by blocks of which both sides stay in the first-level cache.
template <bool kAdd>
void transpose(const float* from, std::int64_t from_stride, std::int64_t rows, std::int64_t columns, float* to,
               std::int64_t to_stride) {
    constexpr std::int64_t kRows = 16;
    constexpr std::int64_t kColumns = 64;
    for (std::int64_t row = 0; row < rows; row += kRows) {
        const std::int64_t row_end = std::min(rows, row + kRows);
        for (std::int64_t column = 0; column < columns; column += kColumns) {
            const std::int64_t column_end = std::min(columns, column + kColumns);
            for (std::int64_t r = row; r < row_end; ++r) {
                for (std::int64_t c = column; c < column_end; ++c) {
                    const float value = from[r * from_stride + c];
                    to[c * to_stride + r] = kAdd ? to[c * to_stride + r] + value : value;
                }
            }
        }
    }
}

}  // namespace

void PackedWeights::pack(const ConvolutionGeometry& g, bool gradient, const float* weights,
                         const CpuImplementation& implementation) {
    implementation_ = &implementation;
    const std::int64_t channels = gradient ? g.i : g.o;
    const ConvolutionKernels& kernels = *implementation.convolution;
    panels_ = weight_panels(channels, g.groups, g.depthwise(), kernels.width, kernels.panel_vectors);
    const std::vector<ConvolutionLoops> passes = gradient ? input_gradient_passes(g) : std::vector{forward_pass(g)};
    std::int64_t size = 0;
    passes_.clear();
    for (const ConvolutionLoops& pass : passes) {
        passes_.push_back(size);
        size += pass.depth() * total_vectors(panels_) * width();
    }
    if (empty() || values_.elements() != size) values_ = Tensor(Shape{size});

    tbb::parallel_for(std::size_t{0}, passes.size() * panels_.size(), [&](std::size_t task) {
        const std::size_t p = task / panels_.size();
        const ConvolutionLoops& pass = passes[p];
        const WeightPanel& panel = panels_[task % panels_.size()];
        const std::int64_t lanes = panel.vectors * width();
        float* const panel_values = values_.data() + passes_[p] + pass.depth() * panel.vectors_before * width();
        const std::int64_t tap_depth = pass.source_channels / pass.groups;
        for_each_tap(g, pass, [&](std::int64_t tap, std::int64_t depth) {
            const auto [first, lane_stride, depth_stride] = tap_weights(g, gradient, panel, tap);
            const float* const from = weights + first;
            float* const to = panel_values + depth * lanes;
            if (lane_stride == 1) {
                for (std::int64_t c = 0; c < tap_depth; ++c) {
                    std::fill(std::copy_n(from + c * depth_stride, panel.channels, to + c * lanes),
                              to + (c + 1) * lanes, 0.0F);
                }
                return;
            }
            transpose<false>(from, lane_stride, panel.channels, tap_depth, to, lanes);
            for (std::int64_t c = 0; c < tap_depth; ++c) {
                std::fill(to + c * lanes + panel.channels, to + (c + 1) * lanes, 0.0F);
            }
        });
    });
}

void pack_forward_weights(const ConvolutionGeometry& geometry, const float* weights, PackedWeights& packed,
                          const CpuImplementation& implementation) {
    packed.pack(geometry, false, weights, implementation);
}

void pack_input_gradient_weights(const ConvolutionGeometry& geometry, const float* weights, PackedWeights& packed,
                                 const CpuImplementation& implementation) {
    packed.pack(geometry, true, weights, implementation);
}

void unpack_weight_sums(const ConvolutionGeometry& g, std::span<const WeightPanel> panels, std::int64_t width,
                        const float* sums, bool accumulate, float* dw) {
    const ConvolutionLoops pass = forward_pass(g);
    const std::int64_t tap_depth = g.i / g.groups;
    tbb::parallel_for(std::size_t{0}, panels.size(), [&](std::size_t p) {
        const WeightPanel& panel = panels[p];
        const std::int64_t lanes = panel.vectors * width;
        const float* const panel_sums = sums + pass.depth() * panel.vectors_before * width;
        for_each_tap(g, pass, [&](std::int64_t tap, std::int64_t depth) {
            const TapWeights weights = tap_weights(g, false, panel, tap);
            const float* const from = panel_sums + depth * lanes;
            float* const to = dw + weights.first;
            (accumulate ? transpose<true> : transpose<false>)(from, lanes, tap_depth, panel.channels, to,
                                                              weights.lane_stride);
        });
    });
}

}  // namespace eigenbit::internal
