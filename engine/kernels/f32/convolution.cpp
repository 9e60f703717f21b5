#include "engine/kernels/f32/convolution.h"

#include "engine/kernels/f32/long_sums.h"
#include "engine/kernels/loops/convolution_loops.h"

#include <tbb/parallel_for.h>

#include <algorithm>

namespace eigenbit::internal {
namespace {

// A panel's weights for as many inputs as this, and the source of a band of outputs, share the second-level cache (1
// MiB on Zen 4) with the outputs. The panel is read once for every tile of pixels, the band once for every panel.
constexpr std::size_t kPanelBytes = 256 << 10;
constexpr std::int64_t kBandFloats = 64 << 10;

// Few bands are divided further by panels until there are about as many tasks; enough for the cores to end together.
constexpr std::int64_t kTasks = 16;

/// A part of a pass's depth whose weights fit the cache: some whole segments, or a part of one.
struct DepthBlock {
    std::size_t first_segment, segment_count;
    std::size_t first, length;  // within each segment
    std::size_t depth_before;
};

std::vector<DepthBlock> depth_blocks(const SourceBand<float>& band, std::size_t most) {
    std::vector<DepthBlock> blocks;
    const std::size_t count = band.segments.size();
    const std::size_t length = band.segment_length;
    if (count * length <= most) return {{0, count, 0, length, 0}};
    if (length <= most) {
        for (std::size_t s = 0; s < count; s += most / length) {
            blocks.push_back({s, std::min(most / length, count - s), 0, length, s * length});
        }
        return blocks;
    }
    const std::size_t parts = (length + most - 1) / most;
    for (std::size_t s = 0; s < count; ++s) {
        for (std::size_t part = 0; part < parts; ++part) {
            const std::size_t begin = length * part / parts;
            blocks.push_back({s, 1, begin, length * (part + 1) / parts - begin, s * length + begin});
        }
    }
    return blocks;
}

void set_depth(ForwardBlock& block, const ForwardBlock& whole, const SourceBand<float>& band, const DepthBlock& depth,
               std::size_t lanes) {
    block.grid.source = whole.grid.source + depth.first;
    block.grid.segments = band.segments.data() + depth.first_segment;
    block.grid.segment_count = depth.segment_count;
    block.grid.length = depth.length;
    block.weights = whole.weights + depth.depth_before * lanes;
}

/// A block of long sums.
void run_long_sums(const ConvolutionKernels& kernels, const SourceBand<float>& band, const ForwardBlock& block) {
    const std::size_t lanes = block.vectors * kernels.width;
    const auto stride = static_cast<std::ptrdiff_t>(lanes);
    LongSums sums(static_cast<std::int64_t>(block.pixel_end * lanes));
    ForwardBlock run = block;
    run.output = sums.run();
    run.output_row_stride = static_cast<std::ptrdiff_t>(block.grid.columns) * stride;
    run.output_column_stride = stride;
    run.bias = nullptr;
    run.accumulate = false;
    run.finish = false;
    for (const DepthBlock& depth : depth_blocks(band, kSumRun)) {
        set_depth(run, block, band, depth, lanes);
        kernels.forward(run);
        sums.add_run();
    }
    for (std::size_t pixel = block.pixel_begin; pixel < block.pixel_end; ++pixel) {
        const auto row = static_cast<std::ptrdiff_t>(pixel / block.grid.columns);
        const auto column = static_cast<std::ptrdiff_t>(pixel % block.grid.columns);
        const std::ptrdiff_t place = row * block.output_row_stride + column * block.output_column_stride;
        for (std::ptrdiff_t c = 0; c < static_cast<std::ptrdiff_t>(block.channels); ++c) {
            double sum = sums[static_cast<std::ptrdiff_t>(pixel) * stride + c];
            if (block.bias) sum += static_cast<double>(block.bias[c]);
            if (block.accumulate) sum += static_cast<double>(block.output[place + c]);
            if (block.residual) sum += static_cast<double>(block.residual[place + c]);
            // The operands are in the order that lets NaN through.
            block.output[place + c] = std::min(std::max(static_cast<float>(sum), block.low), block.high);
        }
    }
}

struct PassRun {
    const ConvolutionLoops& pass;
    std::size_t index;
    const PackedWeights& weights;
    const ConvolutionEpilogue& epilogue;
    bool accumulate;
    const float* source;
    float* target;
};

/// A part's panels at the pixels begin … end-1 of the raster of outputs that begins at `rows`.
void run_part(const PassRun& run, const PanelPart& part, const PassRows& rows, std::int64_t begin, std::int64_t end) {
    const ConvolutionLoops& pass = run.pass;
    const ConvolutionKernels& kernels = *run.weights.implementation().convolution;
    const SourceBand<float> band = source_band(pass, run.source, rows);
    const std::int64_t row_floats = pass.x.target_extent * pass.target_channels;
    const std::int64_t row = rows.first_image * pass.y.target_extent + pass.y.first + rows.first_row * pass.y.spacing;
    const std::int64_t corner = row * row_floats + pass.x.first * pass.target_channels;
    for (std::size_t p = part.first; p < part.last; ++p) {
        const WeightPanel& panel = run.weights.panels()[p];
        const std::int64_t target = corner + panel.first_channel;
        const float* const weights = run.weights.weights(run.index, pass.depth(), panel);
        ForwardBlock block{
            .grid = {.source = band.source + first_source_channel(pass, panel) - part.first_channel,
                     .row_stride = pass.y.step * band.row_stride,
                     .column_stride = pass.x.step * band.pixel_stride,
                     .columns = static_cast<std::size_t>(pass.x.outputs),
                     .segments = band.segments.data(),
                     .segment_count = band.segments.size(),
                     .length = band.segment_length},
            .pixel_begin = static_cast<std::size_t>(begin),
            .pixel_end = static_cast<std::size_t>(end),
            .weights = weights,
            .vectors = static_cast<std::size_t>(panel.vectors),
            .channels = static_cast<std::size_t>(panel.channels),
            .output = run.target + target,
            .output_row_stride = pass.y.spacing * row_floats,
            .output_column_stride = pass.x.spacing * pass.target_channels,
            .residual = run.epilogue.residual ? run.epilogue.residual + target : nullptr,
            .bias = run.epilogue.bias ? run.epilogue.bias + panel.first_channel : nullptr,
            .low = run.epilogue.low,
            .high = run.epilogue.high,
            .accumulate = run.accumulate,
            .finish = true,
        };
        if (pass.depthwise) {  // all panels at once
            block.channels = static_cast<std::size_t>(part.channels);
            block.vectors = part.last - part.first;
            return kernels.depthwise_forward(block);
        }
        if (pass.depth() > kLongSum) {
            run_long_sums(kernels, band, block);
            continue;
        }
        const ForwardBlock whole = block;
        const std::size_t lanes = block.vectors * kernels.width;
        const std::vector<DepthBlock> blocks = depth_blocks(band, kPanelBytes / (lanes * sizeof(float)));
        for (const DepthBlock& depth : blocks) {
            set_depth(block, whole, band, depth, lanes);
            block.finish = &depth == &blocks.back();
            kernels.forward(block);
            block.accumulate = true;
            block.bias = nullptr;
        }
    }
}

/// Pixels of outputs that share a band; of whole rows where the band is copied.
std::int64_t band_pixels(const ConvolutionLoops& pass) {
    const std::int64_t channels = std::max<std::int64_t>(1, part_channels(pass));
    if (pass.padded()) return band_rows(pass, channels, kBandFloats) * pass.x.outputs;
    const std::int64_t pixels = pass.y.outputs * pass.x.outputs;
    const std::int64_t pixel_floats = pass.y.step * pass.x.step * channels;
    const std::int64_t most = std::max<std::int64_t>(64, kBandFloats / pixel_floats);
    const std::int64_t bands = (pixels + most - 1) / most;
    return (pixels + bands - 1) / bands;
}

void run_pass(const PassRun& run) {
    const ConvolutionLoops& pass = run.pass;
    const std::int64_t pixels = pass.y.outputs * pass.x.outputs;
    if (pass.images * pixels * pass.target_channels == 0) return;
    const std::int64_t band = band_pixels(pass);
    const std::int64_t bands = (pixels + band - 1) / band;
    const std::int64_t wanted = (kTasks + pass.images * bands - 1) / (pass.images * bands);
    const std::vector<PanelPart> parts = panel_parts(pass, run.weights.panels(), wanted);
    const auto part_count = static_cast<std::int64_t>(parts.size());

    tbb::parallel_for(std::int64_t{0}, pass.images * bands * part_count, [&](std::int64_t task) {
        const PanelPart& part = parts[static_cast<std::size_t>(task % part_count)];
        const std::int64_t image = task / part_count / bands;
        const std::int64_t begin = task / part_count % bands * band;
        const std::int64_t end = std::min(begin + band, pixels);
        // A copied band has whole rows; else the raster is the image's, and pixels may begin amid a row.
        const std::int64_t row = pass.padded() ? begin / pass.x.outputs : 0;
        const std::int64_t rows = pass.padded() ? (end - begin) / pass.x.outputs : pass.y.outputs;
        const std::int64_t shift = row * pass.x.outputs;
        run_part(run, part, {image, 1, row, rows, part.first_channel, part.channels}, begin - shift, end - shift);
    });
}

}  // namespace

void convolution_forward(const ConvolutionGeometry& geometry, const float* x, const PackedWeights& weights,
                         const ConvolutionEpilogue& epilogue, float* y) {
    ConvolutionLoops pass = forward_pass(geometry);
    flatten_pixels(pass);
    // Where several blocks of the depth add to y, it cannot hold the residual too: it is then what they start from.
    const bool in_place = epilogue.residual == y;
    ConvolutionEpilogue rest = epilogue;
    if (in_place) rest.residual = nullptr;
    run_pass({pass, 0, weights, rest, in_place, x, y});
}

void convolution_input_gradient(const ConvolutionGeometry& geometry, const float* dy, const PackedWeights& weights,
                                bool accumulate, float* dx) {
    std::vector<ConvolutionLoops> passes = input_gradient_passes(geometry);
    for (std::size_t p = 0; p < passes.size(); ++p) {
        if (accumulate && passes[p].depth() == 0) continue;
        flatten_pixels(passes[p]);
        run_pass({passes[p], p, weights, {}, accumulate, dy, dx});
    }
}

}  // namespace eigenbit::internal
