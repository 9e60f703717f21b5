#include "engine/kernels/integer_convolution.h"

#include "engine/error.h"
#include "engine/kernels/convolution_pass.h"

#include <tbb/parallel_for.h>

#include <algorithm>

namespace eigenbit {
namespace {

// A band's source is read once for each panel, from the second-level cache; and few enough bytes for small images to
// have a band for each core.
constexpr std::int64_t kBandBytes = 64 << 10;

// Few bands are divided further by panels until there are about as many tasks; enough for the cores to end together.
constexpr std::int64_t kTasks = 16;

constexpr std::int64_t kMostProducts = std::numeric_limits<std::int32_t>::max() / (2 * 255 * 128);

std::int64_t quads_of(std::int64_t length) { return (length + 3) / 4; }

/// Pixels of outputs that share a band; of whole rows where the band is copied.
std::int64_t band_pixels(const ConvolutionPass& pass) {
    const std::int64_t channels = std::max<std::int64_t>(1, part_channels(pass));
    if (pass.padded()) return band_rows(pass, channels, kBandBytes) * pass.x.outputs;
    const std::int64_t pixels = pass.y.outputs * pass.x.outputs;
    const std::int64_t most = std::max<std::int64_t>(64, kBandBytes / (pass.y.step * pass.x.step * channels));
    const std::int64_t bands = (pixels + most - 1) / most;
    return (pixels + bands - 1) / bands;
}

}  // namespace

IntegerConvolution::IntegerConvolution(const ConvolutionGeometry& geometry, std::span<const std::int8_t> weights,
                                       std::uint8_t zero_point, std::span<const float> scale,
                                       std::span<const float> bias, const CpuImplementation& implementation)
    : geometry_(geometry),
      pass_(forward_pass(geometry)),
      kernels_(implementation.integer),
      zero_point_(zero_point),
      panels_(
          weight_panels(geometry.o, geometry.groups, geometry.depthwise(), kernels_->width, kernels_->panel_vectors)) {
    if (pass_.depth() > kMostProducts) {
        fail("A convolution sums {} products of bytes, of which 32 bits hold {}.", pass_.depth(), kMostProducts);
    }
    flatten_pixels(pass_);
    pack(weights);
    const auto width = static_cast<std::int64_t>(kernels_->width);
    const auto lanes = static_cast<std::size_t>(total_vectors(panels_) * width);
    const std::int64_t filter = geometry.kh * geometry.kw * (geometry.i / std::max<std::int64_t>(1, geometry.groups));
    start_.resize(lanes);
    scale_.resize(lanes);
    bias_.resize(lanes);
    for (const WeightPanel& panel : panels_) {
        for (std::int64_t c = 0; c < panel.channels; ++c) {
            const auto lane = static_cast<std::size_t>(panel.vectors_before * width + c);
            const auto channel = static_cast<std::size_t>(panel.first_channel + c);
            std::int32_t sum = 0;
            for (const std::int8_t weight :
                 weights.subspan(channel * static_cast<std::size_t>(filter), static_cast<std::size_t>(filter))) {
                sum += weight;
            }
            start_[lane] = -sum * zero_point;
            scale_[lane] = scale[channel];
            bias_[lane] = bias[channel];
        }
    }
}

void IntegerConvolution::pack(std::span<const std::int8_t> weights) {
    const ConvolutionGeometry& g = geometry_;
    const auto width = static_cast<std::int64_t>(kernels_->width);
    const std::int64_t inputs = g.i / g.groups;
    const std::int64_t segment = inputs * (joins_columns(pass_) ? g.kw : 1);
    const std::int64_t filter = g.kh * g.kw * inputs;
    const std::int64_t segments = segment == 0 ? 0 : filter / segment;
    const std::int64_t run = g.depthwise() ? 1 : 4;  // bytes of one channel that lie together
    const std::int64_t padded_segment = (segment + run - 1) / run * run;
    depth_ = segments * padded_segment;
    weights_.resize(static_cast<std::size_t>(depth_ * total_vectors(panels_) * width));
    for (const WeightPanel& panel : panels_) {
        std::int8_t* const to = weights_.data() + depth_ * panel.vectors_before * width;
        const std::int64_t lanes = panel.vectors * width;
        for (std::int64_t channel = 0; channel < panel.channels; ++channel) {
            const std::int8_t* const from = weights.data() + (panel.first_channel + channel) * filter;
            for (std::int64_t k = 0; k < filter; ++k) {
                const std::int64_t depth = k / segment * padded_segment + k % segment;
                to[(depth / run * lanes + channel) * run + depth % run] = from[k];
            }
        }
    }
}

std::int64_t IntegerConvolution::weight_bytes() const {
    const std::size_t by_lane = start_.size() * (sizeof(std::int32_t) + 2 * sizeof(float));
    return static_cast<std::int64_t>(weights_.size() + by_lane);
}

/// A part's panels at the pixels begin … end-1 of the raster of outputs that begins at `rows`.
void IntegerConvolution::run_part(const std::uint8_t* x, const IntegerOutput& output, const PanelPart& part,
                                  const PassRows& rows, std::int64_t begin, std::int64_t end) const {
    const PassBand<std::uint8_t> band = source_band(pass_, x, rows, zero_point_);
    const std::int64_t row_stride = pass_.x.target_extent * pass_.target_channels;
    const std::int64_t corner = (rows.first_image * pass_.y.target_extent + rows.first_row) * row_stride;
    const auto width = static_cast<std::int64_t>(kernels_->width);
    for (std::size_t p = part.first; p < part.last; ++p) {
        const WeightPanel& panel = panels_[p];
        const std::int64_t lane = panel.vectors_before * width;
        const std::int64_t target = corner + panel.first_channel;
        const auto at = [&](auto* values) { return values ? values + target : nullptr; };
        IntegerBlock block{
            .grid = {.source = band.source + first_source_channel(pass_, panel) - part.first_channel,
                     .row_stride = pass_.y.step * band.row_stride,
                     .column_stride = pass_.x.step * band.pixel_stride,
                     .columns = static_cast<std::size_t>(pass_.x.outputs),
                     .segments = band.segments.data(),
                     .segment_count = band.segments.size(),
                     .quads = static_cast<std::size_t>(quads_of(static_cast<std::int64_t>(band.segment_length)))},
            .pixel_begin = static_cast<std::size_t>(begin),
            .pixel_end = static_cast<std::size_t>(end),
            .weights = weights_.data() + depth_ * lane,
            .vectors = static_cast<std::size_t>(panel.vectors),
            .channels = static_cast<std::size_t>(panel.channels),
            .start = start_.data() + lane,
            .scale = scale_.data() + lane,
            .bias = bias_.data() + lane,
            .output = at(output.floats),
            .output_bytes = at(output.bytes),
            .residual = at(output.residual),
            .residual_bytes = at(output.residual_bytes),
            .output_row_stride = row_stride,
            .output_column_stride = pass_.target_channels,
            .residual_scale = output.residual_scale,
            .low = output.low,
            .high = output.high,
        };
        if (pass_.depthwise) {  // all panels at once
            block.channels = static_cast<std::size_t>(part.channels);
            block.vectors = part.last - part.first;
            return kernels_->depthwise_convolution(block);
        }
        kernels_->convolution(block);
    }
}

void IntegerConvolution::run(const std::uint8_t* x, const IntegerOutput& output) const {
    const std::int64_t pixels = pass_.y.outputs * pass_.x.outputs;
    if (pass_.images * pixels * pass_.target_channels == 0) return;
    const std::int64_t band = band_pixels(pass_);
    const std::int64_t bands = (pixels + band - 1) / band;
    const std::int64_t wanted = (kTasks + pass_.images * bands - 1) / (pass_.images * bands);
    const std::vector<PanelPart> parts = panel_parts(pass_, panels_, wanted);
    const auto part_count = static_cast<std::int64_t>(parts.size());

    tbb::parallel_for(std::int64_t{0}, pass_.images * bands * part_count, [&](std::int64_t task) {
        const PanelPart& part = parts[static_cast<std::size_t>(task % part_count)];
        const std::int64_t image = task / part_count / bands;
        const std::int64_t begin = task / part_count % bands * band;
        const std::int64_t end = std::min(begin + band, pixels);
        // A copied band has whole rows; else the raster is the image's, and pixels may begin amid a row.
        const std::int64_t row = pass_.padded() ? begin / pass_.x.outputs : 0;
        const std::int64_t rows = pass_.padded() ? (end - begin) / pass_.x.outputs : pass_.y.outputs;
        const std::int64_t shift = row * pass_.x.outputs;
        run_part(x, output, part, {image, 1, row, rows, part.first_channel, part.channels}, begin - shift, end - shift);
    });
}

}  // namespace eigenbit
