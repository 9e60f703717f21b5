#include "engine/base/tensor.h"
#include "engine/kernels/f32/convolution.h"
#include "engine/kernels/loops/convolution_loops.h"
#include "engine/kernels/loops/weight_panels.h"

#include <tbb/parallel_for.h>

#include <algorithm>
#include <vector>

namespace eigenbit::internal {
namespace {

// A band's source is read once for each tile of weights, from the second-level cache.
constexpr std::int64_t kBandFloats = 128 << 10;

// The work is divided into chunks of bands, each with its own sums, as far as they stay this few in all; then by
// panels. Both depend on the shapes alone, hence the result does not depend on the number of threads.
constexpr std::int64_t kMostSums = std::int64_t{2} << 20;
constexpr std::int64_t kTasks = 16;

/// Some rows and columns of the outputs of some images.
struct Band {
    std::int64_t image, images, row, rows, column, columns;
};

/// Calls visit(begin, count) for the fewest equal parts of 0 … total-1 of at most `most`.
template <typename Visit>
void for_each_part(std::int64_t total, std::int64_t most, const Visit& visit) {
    const std::int64_t parts = (total + most - 1) / most;
    for (std::int64_t part = 0; part < parts; ++part) {
        const std::int64_t begin = total * part / parts;
        visit(begin, total * (part + 1) / parts - begin);
    }
}

std::vector<Band> bands_of(const ConvolutionLoops& pass) {
    std::vector<Band> bands;
    const std::int64_t channels = std::max<std::int64_t>(1, part_channels(pass));
    const std::int64_t rows = band_rows(pass, channels, kBandFloats);
    if (pass.y.outputs == 1 && !pass.padded()) {
        const std::int64_t columns = 256;
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
        const std::int64_t image_floats = pass.source_rows(rows) * pass.source_columns() * channels;
        const std::int64_t images = std::max<std::int64_t>(1, kBandFloats / image_floats);
        for_each_part(pass.images, images, [&](std::int64_t image, std::int64_t count) {
            bands.push_back({image, count, 0, rows, 0, pass.x.outputs});
        });
    }
    return bands;
}

/// Sums of the gradients of weights, laid out like packed weights, and of the bias after them, for each chunk.
class GradientSums {
  public:
    GradientSums(std::int64_t chunks, std::int64_t depth, std::int64_t width, std::span<const WeightPanel> panels)
        : chunks_(chunks), depth_(depth), width_(width), lanes_(total_vectors(panels) * width) {}

    std::int64_t floats() const { return chunks_ * (depth_ + 1) * lanes_; }
    /// Where they lie from now on.
    void place(float* values) { values_ = values; }

    float* weights(std::int64_t chunk, const WeightPanel& panel) {
        return values_ + chunk * (depth_ + 1) * lanes_ + depth_ * panel.vectors_before * width_;
    }
    float* bias(std::int64_t chunk, const WeightPanel& panel) {
        return values_ + (chunk * (depth_ + 1) + depth_) * lanes_ + panel.vectors_before * width_;
    }
    const float* data() const { return values_; }

    void clear(std::int64_t chunk, const WeightPanel& panel) {
        const std::int64_t lanes = panel.vectors * width_;
        std::fill_n(weights(chunk, panel), depth_ * lanes, 0.0F);
        std::fill_n(bias(chunk, panel), lanes, 0.0F);
    }

    /// Adds all chunks of a panel to the first, in order.
    void reduce(const WeightPanel& panel) {
        const std::int64_t lanes = panel.vectors * width_;
        for (std::int64_t chunk = 1; chunk < chunks_; ++chunk) {
            add(weights(chunk, panel), weights(0, panel), depth_ * lanes);
            add(bias(chunk, panel), bias(0, panel), lanes);
        }
    }

  private:
    static void add(const float* from, float* to, std::int64_t count) {
        for (std::int64_t index = 0; index < count; ++index) to[index] += from[index];
    }

    std::int64_t chunks_, depth_, width_, lanes_;
    float* values_ = nullptr;
};

/// How the work on one geometry is divided.
struct Division {
    ConvolutionLoops pass;
    std::vector<WeightPanel> panels;
    std::vector<Band> bands;
    std::int64_t chunks;
    GradientSums sums;
};

Division division_of(const ConvolutionGeometry& geometry, const ConvolutionKernels& kernels) {
    const auto width = static_cast<std::int64_t>(kernels.width);
    ConvolutionLoops pass = forward_pass(geometry);
    flatten_pixels(pass);
    std::vector<WeightPanel> panels =
        weight_panels(geometry.o, geometry.groups, pass.depthwise, kernels.width, kernels.panel_vectors);
    const bool any = geometry.n * geometry.oh * geometry.ow > 0;
    std::vector<Band> bands = any ? bands_of(pass) : std::vector<Band>{};
    const std::int64_t chunk_sums = std::max<std::int64_t>(1, (pass.depth() + 1) * total_vectors(panels) * width);
    const auto band_count = static_cast<std::int64_t>(bands.size());
    const std::int64_t chunks = std::max<std::int64_t>(1, std::min({kMostSums / chunk_sums, band_count, kTasks}));
    const GradientSums sums(chunks, pass.depth(), width, panels);
    return {std::move(pass), std::move(panels), std::move(bands), chunks, sums};
}

/// Adds the products of one band to the sums of a part's panels.
void add_band(const ConvolutionLoops& pass, const ConvolutionKernels& kernels, std::span<const WeightPanel> panels,
              const PanelPart& part, const Band& place, const float* x, const float* dy, bool with_weights,
              bool with_bias, std::int64_t chunk, GradientSums& sums) {
    const SourceBand<float> band =
        source_band(pass, x, {place.image, place.images, place.row, place.rows, part.first_channel, part.channels});
    const std::int64_t gradient_row = pass.x.outputs * pass.target_channels;
    const float* const gradient =
        dy + (place.image * pass.y.outputs + place.row) * gradient_row + place.column * pass.target_channels;
    for (const WeightPanel& panel : panels.subspan(part.first, part.last - part.first)) {
        WeightGradientBlock block{
            .grid = {.source = band.source + place.column * pass.x.step * band.pixel_stride
                               + first_source_channel(pass, panel) - part.first_channel,
                     .row_stride = pass.y.step * band.row_stride,
                     .column_stride = pass.x.step * band.pixel_stride,
                     .columns = static_cast<std::size_t>(place.columns),
                     .segments = band.segments.data(),
                     .segment_count = band.segments.size(),
                     .length = band.segment_length},
            .images = static_cast<std::size_t>(place.images),
            .rows = static_cast<std::size_t>(place.rows),
            .image_stride = band.image_stride,
            .gradient = gradient + panel.first_channel,
            .gradient_image_stride = pass.y.outputs * gradient_row,
            .gradient_row_stride = gradient_row,
            .gradient_column_stride = pass.target_channels,
            .sums = sums.weights(chunk, panel),
            .vectors = static_cast<std::size_t>(panel.vectors),
            .channels = static_cast<std::size_t>(panel.channels),
        };
        if (with_weights) (pass.depthwise ? kernels.depthwise_weight_gradient : kernels.weight_gradient)(block);
        if (!with_bias) continue;
        // The gradient of one more weight, whose input is always 1.
        constexpr float kOne = 1.0F;
        constexpr std::ptrdiff_t kHere = 0;
        block.grid = {&kOne, 0, 0, block.grid.columns, &kHere, 1, 1};
        block.image_stride = 0;
        block.sums = sums.bias(chunk, panel);
        kernels.weight_gradient(block);
    }
}

}  // namespace

std::int64_t convolution_weight_gradient_workspace(const ConvolutionGeometry& geometry,
                                                   const CpuImplementation& implementation) {
    return division_of(geometry, *implementation.convolution).sums.floats();
}

void convolution_weight_gradient(const ConvolutionGeometry& geometry, const float* x, const float* dy, bool accumulate,
                                 float* dw, float* db, float* workspace, const CpuImplementation& implementation) {
    const ConvolutionKernels& kernels = *implementation.convolution;
    Division division = division_of(geometry, kernels);
    const ConvolutionLoops& pass = division.pass;
    const std::vector<WeightPanel>& panels = division.panels;
    const std::vector<Band>& bands = division.bands;
    const std::int64_t chunks = division.chunks;
    GradientSums& sums = division.sums;
    if (panels.empty()) return;
    Tensor own;
    if (workspace == nullptr) own = Tensor(Shape{sums.floats()});
    sums.place(workspace != nullptr ? workspace : own.data());
    const std::vector<PanelPart> parts = panel_parts(pass, panels, kTasks / chunks);
    const auto part_count = static_cast<std::int64_t>(parts.size());
    const auto band_count = static_cast<std::int64_t>(bands.size());

    tbb::parallel_for(std::int64_t{0}, chunks * part_count, [&](std::int64_t task) {
        const std::int64_t chunk = task / part_count;
        const PanelPart& part = parts[static_cast<std::size_t>(task % part_count)];
        for (std::size_t p = part.first; p < part.last; ++p) sums.clear(chunk, panels[p]);
        for (std::int64_t band = band_count * chunk / chunks; band < band_count * (chunk + 1) / chunks; ++band) {
            add_band(pass, kernels, panels, part, bands[static_cast<std::size_t>(band)], x, dy, dw != nullptr,
                     db != nullptr, chunk, sums);
        }
    });
    tbb::parallel_for(std::size_t{0}, panels.size(), [&](std::size_t p) { sums.reduce(panels[p]); });
    if (dw) {
        unpack_weight_sums(geometry, panels, static_cast<std::int64_t>(kernels.width), sums.data(), accumulate, dw);
    }
    if (!db) return;
    for (const WeightPanel& panel : panels) {
        const float* const total = sums.bias(0, panel);
        for (std::int64_t channel = 0; channel < panel.channels; ++channel) {
            float& value = db[panel.first_channel + channel];
            value = total[channel] + (accumulate ? value : 0.0F);
        }
    }
}

}  // namespace eigenbit::internal
