#include "engine/kernels/convolution.h"
#include "engine/kernels/convolution_pass.h"
#include "engine/tensor.h"

#include <tbb/parallel_for.h>

#include <algorithm>
#include <vector>

namespace eigenbit {
namespace {

// A band's source is read once for each tile of weights, from the second-level cache.
constexpr std::int64_t kBandBytes = 256 << 10;

// The work is divided into chunks of bands, each with its own sums, as far as they stay this few in all; then by
// panels. Both depend on the shapes alone, hence the result does not depend on the number of threads.
constexpr std::int64_t kMostSums = std::int64_t{2} << 20;
constexpr std::int64_t kTasks = 16;

/// Some rows and columns of the outputs of some images.
struct Band {
    std::int64_t image, images, row, rows, column, columns;
};

/// Divides 0 … total-1 into the fewest equal parts of at most `most`.
template <typename Visit>
void for_each_part(std::int64_t total, std::int64_t most, const Visit& visit) {
    const std::int64_t parts = (total + most - 1) / most;
    for (std::int64_t part = 0; part < parts; ++part) {
        const std::int64_t begin = total * part / parts;
        visit(begin, total * (part + 1) / parts - begin);
    }
}

std::vector<Band> bands_of(const ConvolutionPass& pass) {
    std::vector<Band> bands;
    const std::int64_t rows = band_rows(pass, kBandBytes);
    if (pass.y.outputs == 1 && !pass.padded()) {
        const std::int64_t pixel_bytes = pass.x.step * pass.source_channels * static_cast<std::int64_t>(sizeof(float));
        const std::int64_t columns = std::max<std::int64_t>(64, kBandBytes / pixel_bytes);
        for (std::int64_t image = 0; image < pass.images; ++image) {
            for_each_part(pass.x.outputs, columns, [&](std::int64_t column, std::int64_t count) {
                bands.push_back({image, 1, 0, 1, column, count});
            });
        }
    } else if (rows < pass.y.outputs) {
        for (std::int64_t image = 0; image < pass.images; ++image) {
            for_each_part(pass.y.outputs, rows, [&](std::int64_t row, std::int64_t count) {
                bands.push_back({image, 1, row, count, 0, pass.x.outputs});
            });
        }
    } else {
        const std::int64_t image_bytes = pass.source_rows(rows) * pass.source_columns() * pass.source_channels
                                         * static_cast<std::int64_t>(sizeof(float));
        for_each_part(pass.images, std::max<std::int64_t>(1, kBandBytes / image_bytes),
                      [&](std::int64_t image, std::int64_t count) {
                          bands.push_back({image, count, 0, rows, 0, pass.x.outputs});
                      });
    }
    return bands;
}

}  // namespace

void convolution_weight_gradient(const ConvolutionGeometry& geometry, const float* x, const float* dy, bool accumulate,
                                 float* dw, float* db, const CpuImplementation& implementation) {
    const ConvolutionKernels& kernels = *implementation.convolution;
    const auto width = static_cast<std::int64_t>(kernels.width);
    ConvolutionPass pass = forward_pass(geometry);
    flatten_pixels(pass);
    const std::vector<WeightPanel> panels = weight_panels(geometry.o, geometry.groups, pass.depthwise, kernels);
    const bool padded = pass.padded();
    const std::vector<Band> bands = bands_of(pass);
    const auto band_count = static_cast<std::int64_t>(bands.size());
    const auto panel_count = static_cast<std::int64_t>(panels.size());
    const std::int64_t lanes = (panels.back().vectors_before + panels.back().vectors) * width;
    const std::int64_t depth = pass.depth();

    // The bias gradient is the gradient of one more weight, whose input is always 1.
    const std::int64_t chunk_floats = (depth + 1) * lanes;
    const std::int64_t chunks =
        std::clamp<std::int64_t>(kMostSums / chunk_floats, 1, std::clamp<std::int64_t>(band_count, 1, kTasks));
    const std::int64_t parts = std::clamp<std::int64_t>(kTasks / chunks, 1, panel_count);
    Tensor sums(Shape{chunks, chunk_floats});

    const std::int64_t gradient_row = pass.x.outputs * pass.target_channels;
    const auto panel_of = [&](std::int64_t p) -> const WeightPanel& { return panels[static_cast<std::size_t>(p)]; };
    tbb::parallel_for(std::int64_t{0}, chunks * parts, [&](std::int64_t task) {
        const std::int64_t chunk = task / parts;
        const std::int64_t part = task % parts;
        const std::int64_t first = panel_count * part / parts;
        const std::int64_t last = panel_count * (part + 1) / parts;
        float* const weight_sums = sums.data() + chunk * chunk_floats;
        float* const bias_sums = weight_sums + depth * lanes;
        for (std::int64_t b = band_count * chunk / chunks; b < band_count * (chunk + 1) / chunks; ++b) {
            const Band& band = bands[static_cast<std::size_t>(b)];
            const float* const images =
                x + band.image * pass.y.source_extent * pass.x.source_extent * pass.source_channels;
            const PassBand source = padded ? padded_band(pass, images, band.images, band.row, band.rows)
                                           : plain_band(pass, images, band.row);
            const PassSegments segments(pass, source.row_stride);
            WeightGradientBlock block{};
            block.grid.column_stride = pass.x.step * pass.source_channels;
            block.grid.row_stride = pass.y.step * source.row_stride;
            block.grid.columns = static_cast<std::size_t>(band.columns);
            block.grid.segments = segments.offsets.data();
            block.grid.segment_count = segments.offsets.size();
            block.grid.length = segments.length;
            block.image_stride = source.image_stride;
            block.images = static_cast<std::size_t>(band.images);
            block.rows = static_cast<std::size_t>(band.rows);
            block.gradient_column_stride = pass.target_channels;
            block.gradient_row_stride = gradient_row;
            block.gradient_image_stride = pass.y.outputs * gradient_row;
            const float* const gradient =
                dy + (band.image * pass.y.outputs + band.row) * gradient_row + band.column * pass.target_channels;
            for (std::int64_t p = first; p < last; ++p) {
                const WeightPanel& panel = panel_of(p);
                block.vectors = static_cast<std::size_t>(panel.vectors);
                block.channels = static_cast<std::size_t>(panel.channels);
                block.gradient = gradient + panel.first_channel;
                block.sums = weight_sums + depth * panel.vectors_before * width;
                const std::int64_t first_input =
                    pass.depthwise ? panel.first_channel : panel.group * (pass.source_channels / pass.groups);
                block.grid.source = source.source + band.column * block.grid.column_stride + first_input;
                if (dw) (pass.depthwise ? kernels.depthwise_weight_gradient : kernels.weight_gradient)(block);
                if (!db) continue;
                constexpr float kOne = 1.0F;
                constexpr std::ptrdiff_t kNoOffset = 0;
                WeightGradientBlock bias = block;
                bias.grid = {&kOne, 0, 0, block.grid.columns, &kNoOffset, 1, 1};
                bias.image_stride = 0;
                bias.sums = bias_sums + panel.vectors_before * width;
                kernels.weight_gradient(bias);
            }
        }
    });

    tbb::parallel_for(std::int64_t{0}, panel_count, [&](std::int64_t p) {
        const WeightPanel& panel = panel_of(p);
        for (const auto& [begin, count] :
             {std::pair{depth * panel.vectors_before * width, depth * panel.vectors * width},
              std::pair{depth * lanes + panel.vectors_before * width, panel.vectors * width}}) {
            float* const total = sums.data() + begin;
            for (std::int64_t chunk = 1; chunk < chunks; ++chunk) {
                const float* const more = total + chunk * chunk_floats;
                for (std::int64_t index = 0; index < count; ++index) total[index] += more[index];
            }
        }
        if (db) {
            const float* const total = sums.data() + depth * lanes + panel.vectors_before * width;
            for (std::int64_t channel = 0; channel < panel.channels; ++channel) {
                float& value = db[panel.first_channel + channel];
                value = total[channel] + (accumulate ? value : 0.0F);
            }
        }
    });
    if (dw) unpack_weight_sums(geometry, panels, width, sums.data(), accumulate, dw);
}

}  // namespace eigenbit
