#include "engine/kernels/convolution.h"

#include "engine/kernels/convolution_pass.h"

#include <tbb/parallel_for.h>

#include <algorithm>

namespace eigenbit {
namespace {

// A panel's weights for as many inputs as this, and the source of a band of outputs, share the second-level cache (1
// MiB on Zen 4) with the outputs. The panel is read once for every tile of pixels, the band once for every panel.
constexpr std::int64_t kPanelBytes = 256 << 10;
constexpr std::int64_t kBandBytes = 256 << 10;

// Few bands are divided further by panels until there are about as many tasks; enough for the cores to end together.
constexpr std::int64_t kTasks = 16;

/// A part of a pass's depth whose weights fit the cache: some whole segments, or a part of one.
struct DepthBlock {
    std::size_t first_segment, segment_count;
    std::size_t first, length;  // within each segment
    std::size_t depth_before;
};

std::vector<DepthBlock> depth_blocks(const PassSegments& segments, std::int64_t most) {
    std::vector<DepthBlock> blocks;
    const std::size_t count = segments.offsets.size();
    const std::size_t length = segments.length;
    const std::size_t whole = std::min(count, static_cast<std::size_t>(most) / length);
    for (std::size_t s = 0; s < count; s += std::max<std::size_t>(whole, 1)) {
        if (whole > 0) {
            blocks.push_back({s, std::min(whole, count - s), 0, length, s * length});
            continue;
        }
        const std::size_t parts = (length + static_cast<std::size_t>(most) - 1) / static_cast<std::size_t>(most);
        for (std::size_t part = 0; part < parts; ++part) {
            const std::size_t begin = length * part / parts;
            blocks.push_back({s, 1, begin, length * (part + 1) / parts - begin, s * length + begin});
        }
    }
    if (blocks.empty()) blocks.push_back({0, 0, 0, 0, 0});  // no tap reaches these outputs: they are zero
    return blocks;
}

struct PassRun {
    const ConvolutionPass& pass;
    std::size_t index;
    const PackedWeights& weights;
    const ConvolutionEpilogue& epilogue;
    bool accumulate;
    const float* source;
    float* target;
};

/// The panels first … last-1 at pixels of one image, whose source `grid` describes.
void run_block(const PassRun& run, const PixelGrid& grid, const PassSegments& segments, std::int64_t image,
               std::int64_t row, std::int64_t pixel_begin, std::int64_t pixel_end, std::size_t first,
               std::size_t last) {
    const ConvolutionPass& pass = run.pass;
    const ConvolutionKernels& kernels = *run.weights.implementation().convolution;
    const std::int64_t channels = pass.target_channels;
    const std::int64_t row_floats = pass.x.target_extent * channels;
    const std::int64_t origin =
        (image * pass.y.target_extent + pass.y.first + row * pass.y.spacing) * row_floats + pass.x.first * channels;
    for (std::size_t p = first; p < last; ++p) {
        const WeightPanel& panel = run.weights.panels()[p];
        const std::int64_t target = origin + panel.first_channel;
        ForwardBlock block{};
        block.grid = grid;
        block.pixel_begin = static_cast<std::size_t>(pixel_begin);
        block.pixel_end = static_cast<std::size_t>(pixel_end);
        block.vectors = static_cast<std::size_t>(panel.vectors);
        block.channels = static_cast<std::size_t>(panel.channels);
        block.output = run.target + target;
        block.output_row_stride = pass.y.spacing * row_floats;
        block.output_column_stride = pass.x.spacing * channels;
        block.residual = run.epilogue.residual ? run.epilogue.residual + target : nullptr;
        block.bias = run.epilogue.bias ? run.epilogue.bias + panel.first_channel : nullptr;
        block.low = run.epilogue.low;
        block.high = run.epilogue.high;
        block.accumulate = run.accumulate;
        block.finish = true;
        const float* const weights = run.weights.weights(run.index, pass.depth(), panel);
        if (pass.depthwise) {  // all panels at once
            const WeightPanel& end = run.weights.panels()[last - 1];
            block.weights = weights;
            block.grid.source += panel.first_channel;
            block.channels = static_cast<std::size_t>(end.first_channel + end.channels - panel.first_channel);
            block.vectors = last - first;
            kernels.depthwise_forward(block);
            return;
        }
        block.grid.source += panel.group * (pass.source_channels / pass.groups);
        const float* const panel_source = block.grid.source;
        const std::int64_t lanes = panel.vectors * static_cast<std::int64_t>(kernels.width);
        const std::int64_t most =
            std::max<std::int64_t>(1, kPanelBytes / (lanes * static_cast<std::int64_t>(sizeof(float))));
        const std::vector<DepthBlock> blocks = depth_blocks(segments, most);
        for (const DepthBlock& part : blocks) {
            block.grid.source = panel_source + part.first;
            block.grid.segments = segments.offsets.data() + part.first_segment;
            block.grid.segment_count = part.segment_count;
            block.grid.length = part.length;
            block.weights = weights + static_cast<std::int64_t>(part.depth_before) * lanes;
            block.finish = &part == &blocks.back();
            kernels.forward(block);
            block.accumulate = true;
            block.bias = nullptr;
        }
    }
}

void run_pass(const PassRun& run) {
    const ConvolutionPass& pass = run.pass;
    if (pass.images == 0 || pass.y.outputs <= 0 || pass.x.outputs <= 0) return;
    if (run.accumulate && pass.depth() == 0) return;
    const bool padded = pass.padded() && pass.depth() > 0;
    const std::int64_t columns = pass.x.outputs;
    const std::int64_t pixels = pass.y.outputs * columns;
    const std::int64_t source_row = pass.x.source_extent * pass.source_channels;

    // A band is a number of pixels; of whole rows where it must be copied.
    std::int64_t band = 0;
    if (padded) {
        band = band_rows(pass, kBandBytes) * columns;
    } else {
        const std::int64_t pixel_bytes =
            pass.y.step * pass.x.step * pass.source_channels * static_cast<std::int64_t>(sizeof(float));
        const std::int64_t most = std::max<std::int64_t>(64, kBandBytes / pixel_bytes);
        const std::int64_t bands = (pixels + most - 1) / most;
        band = (pixels + bands - 1) / bands;
    }
    const std::int64_t bands = (pixels + band - 1) / band;
    const auto panels = static_cast<std::int64_t>(run.weights.panels().size());
    const std::int64_t parts =
        std::clamp<std::int64_t>((kTasks + pass.images * bands - 1) / (pass.images * bands), 1, panels);

    tbb::parallel_for(std::int64_t{0}, pass.images * bands * parts, [&](std::int64_t task) {
        const std::int64_t part = task % parts;
        const std::int64_t image = task / parts / bands;
        const std::int64_t begin = task / parts % bands * band;
        const std::int64_t end = std::min(begin + band, pixels);
        const auto first = static_cast<std::size_t>(panels * part / parts);
        const auto last = static_cast<std::size_t>(panels * (part + 1) / parts);
        const float* const source = run.source + image * pass.y.source_extent * source_row;
        // A copied band starts at its own first row; a plain one at the image's, and may start amid a row.
        const std::int64_t row = padded ? begin / columns : 0;
        const PassBand source_band =
            padded ? padded_band(pass, source, 1, row, (end - begin) / columns) : plain_band(pass, source, 0);
        const PassSegments segments(pass, source_band.row_stride);
        PixelGrid grid{};
        grid.source = source_band.source;
        grid.row_stride = pass.y.step * source_band.row_stride;
        grid.column_stride = pass.x.step * pass.source_channels;
        grid.columns = static_cast<std::size_t>(columns);
        grid.segments = segments.offsets.data();
        grid.segment_count = segments.offsets.size();
        grid.length = segments.length;
        const std::int64_t shift = row * columns;
        run_block(run, grid, segments, image, row, begin - shift, end - shift, first, last);
    });
}

}  // namespace

void convolution_forward(const ConvolutionGeometry& geometry, const float* x, const PackedWeights& weights,
                         const ConvolutionEpilogue& epilogue, float* y) {
    ConvolutionPass pass = forward_pass(geometry);
    flatten_pixels(pass);
    run_pass({pass, 0, weights, epilogue, false, x, y});
}

void convolution_input_gradient(const ConvolutionGeometry& geometry, const float* dy, const PackedWeights& weights,
                                bool accumulate, float* dx) {
    std::vector<ConvolutionPass> passes = input_gradient_passes(geometry);
    for (std::size_t p = 0; p < passes.size(); ++p) {
        flatten_pixels(passes[p]);
        run_pass({passes[p], p, weights, {}, accumulate, dy, dx});
    }
}

}  // namespace eigenbit
