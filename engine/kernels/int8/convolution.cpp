#include "engine/kernels/int8/convolution.h"

#include "engine/kernels/int8/int16_runs.h"
#include "engine/kernels/loops/convolution_loops.h"

#include <tbb/parallel_for.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <numeric>

namespace eigenbit::internal {
namespace {

// A band's source is read once for each panel, from the second-level cache; and few enough bytes for small images to
// have a band for each core.
constexpr std::int64_t kBandBytes = 64 << 10;

// Few bands are divided further by panels until there are about as many tasks; enough for the cores to end together.
constexpr std::int64_t kTasks = 16;

// What sums of one output take on a CPU that makes them in 16 bits where these hold them, in instructions (fitted to
// measurements on Zen 3): of a quad by itself; of a run of any length, which is added to sums in memory, and of each of
// its quads; of runs of two and of one quad; and of a quad that does not fit, in the tiles of long and of short runs.
constexpr std::int64_t kQuadCost = 30;
constexpr std::int64_t kLongRunCost = 40;
constexpr std::int64_t kLongRunQuadCost = 20;
constexpr std::int64_t kRunOfTwoCost = 50;
constexpr std::int64_t kRunOfOneCost = 33;
constexpr std::int64_t kWideAmongLongCost = 80;
constexpr std::int64_t kWideAmongShortCost = 60;

std::int64_t filter_size(const ConvolutionGeometry& g) { return g.kh * g.kw * (g.i / g.groups); }

/// How many neighbouring pixels of a row a depthwise convolution computes as one of as many times the channels: so many
/// that its panels are full, where outputs whose inputs are neighbours are neighbours.
std::int64_t pixels_together(const ConvolutionLoops& pass, const Int8Kernels& kernels) {
    constexpr std::int64_t kMost = 16;
    const bool is_pointwise = pass.y.taps.size() * pass.x.taps.size() == 1;  // pixels of all rows are one row's
    if (!pass.depthwise || pass.x.step != 1 || is_pointwise) return 1;
    const auto panels = [&](std::int64_t pixels) {
        const auto lanes = static_cast<std::int64_t>(kQuadVectors * kernels.width);
        return (pixels * pass.source_channels + lanes - 1) / lanes;
    };
    const auto panels_of_row = [&](std::int64_t pixels) {
        return pass.x.outputs / pixels * panels(pixels) + panels(pass.x.outputs % pixels);
    };
    std::int64_t best = 1;
    for (std::int64_t pixels = 2; pixels <= std::min(kMost, pass.x.outputs); ++pixels) {
        if (panels_of_row(pixels) < panels_of_row(best)) best = pixels;
    }
    // Pixels that are computed apart share what is interleaved of 3 × 3 filters, and weigh less where panels are whole.
    return 4 * panels_of_row(best) <= 3 * panels_of_row(1) ? best : 1;
}

/// Channels in the order of lanes; those without weights apart, where channels lie in one group.
std::vector<WeightPanel> integer_panels(const ConvolutionGeometry& g, std::span<const std::int8_t> codes,
                                        std::int64_t pixels, const Int8Kernels& kernels) {
    const bool depthwise = g.depthwise();
    std::vector<WeightPanel> panels = weight_panels(g.o * pixels, depthwise ? 1 : g.groups, false, kernels.width,
                                                    depthwise ? kQuadVectors : kernels.panel_vectors);
    if (g.groups > 1) return panels;
    return without_zero_vectors(panels, codes, filter_size(g), static_cast<std::int64_t>(kernels.width));
}

/// Whether 16 bits hold the sums of pairs of products.
bool pairs_fit(std::span<const std::int8_t> weights) {
    for (std::size_t i = 0; i < weights.size(); i += 2) {
        const int first = weights[i];
        const int second = weights[i + 1];
        if (std::max(first, 0) + std::max(second, 0) > kLargestInt16WeightSum
            || std::min(first, 0) + std::min(second, 0) < -kLargestInt16WeightSum) {
            return false;
        }
    }
    return true;
}

/// How many products, of every filter's first weights, have sums that 32 bits hold whatever the inputs.
std::int64_t products_that_fit(std::span<const std::int8_t> codes, std::int64_t filter, std::uint8_t zero_point) {
    constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
    if (filter <= kMost / (255 * 128)) return filter;
    std::int64_t fitting = filter;
    for (std::size_t first = 0; first < codes.size(); first += static_cast<std::size_t>(filter)) {
        std::int64_t above = 0;
        std::int64_t below = 0;
        for (std::int64_t i = 0; i < fitting; ++i) {
            const std::int64_t code = codes[first + static_cast<std::size_t>(i)];
            above += code * (code > 0 ? 255 - zero_point : -zero_point);
            below += code * (code > 0 ? zero_point : zero_point - 255);
            if (std::max(above, below) > kMost) fitting = i;
        }
    }
    return fitting;
}

/// Pixels of outputs that share a band.
std::int64_t band_pixels(const ConvolutionLoops& pass, bool whole_rows) {
    const std::int64_t channels = std::max<std::int64_t>(1, part_channels(pass));
    if (whole_rows) return band_rows(pass, channels, kBandBytes) * pass.x.outputs;
    const std::int64_t pixels = pass.y.outputs * pass.x.outputs;
    const std::int64_t most = std::max<std::int64_t>(64, kBandBytes / (pass.y.step * pass.x.step * channels));
    const std::int64_t bands = (pixels + most - 1) / most;
    return (pixels + bands - 1) / bands;
}

}  // namespace

Int8Convolution::Int8Convolution(const ConvolutionGeometry& geometry, const CodedWeights& weights,
                                 std::uint8_t zero_point, const Int8Channels& channels,
                                 const CpuImplementation& implementation)
    : geometry_(geometry), pass_(forward_pass(geometry)), kernels_(implementation.integer), zero_point_(zero_point) {
    flatten_pixels(pass_);
    const std::int64_t filter = filter_size(geometry);
    const std::int64_t fitting = products_that_fit(weights.codes, filter, zero_point);
    if (fitting == filter) {
        pack(weights, channels);
        return;
    }
    std::vector<std::int8_t> own(weights.codes.begin(), weights.codes.end());
    std::vector<std::int8_t> others = own;
    for (std::int64_t first = 0; first < std::ssize(own); first += filter) {
        std::fill_n(own.begin() + first + fitting, filter - fitting, std::int8_t{0});
        std::fill_n(others.begin() + first, fitting, std::int8_t{0});
    }
    pack({own, weights.input_cuts}, {channels.scale, channels.bias});
    const std::vector<float> no_bias(channels.bias.size());
    rest_.emplace_back(geometry, CodedWeights{others, weights.input_cuts}, zero_point,
                       Int8Channels{channels.scale, no_bias, channels.slopes}, implementation);
}

void Int8Convolution::pack(const CodedWeights& weights, const Int8Channels& channels) {
    pixels_together_ = pixels_together(pass_, *kernels_);
    panels_ = integer_panels(geometry_, weights.codes, pixels_together_, *kernels_);
    if (geometry_.depthwise()) {
        pack_depthwise(weights.codes);
    } else {
        coded_ = CodebookPanels(pass_, panels_, weights, *kernels_);
        if (kernels_->accumulates_int16) choose_word_runs();
    }
    const auto lanes = static_cast<std::size_t>(lanes_before(panels_.size()));
    const auto filter = static_cast<std::size_t>(filter_size(geometry_));
    start_.resize(lanes);
    scale_.resize(lanes);
    bias_.resize(lanes);
    if (!channels.slopes.empty()) slopes_.resize(lanes);
    for (std::size_t p = 0; p < panels_.size(); ++p) {
        for (std::int64_t c = 0; c < panels_[p].channels; ++c) {
            const auto lane = static_cast<std::size_t>(lanes_before(p) + lane_of(c));
            const auto channel = static_cast<std::size_t>((panels_[p].first_channel + c) % geometry_.o);
            const auto own = weights.codes.subspan(channel * filter, filter);
            start_[lane] = -std::accumulate(own.begin(), own.end(), 0) * zero_point_;
            scale_[lane] = channels.scale[channel];
            bias_[lane] = channels.bias[channel];
            if (!slopes_.empty()) slopes_[lane] = channels.slopes[channel];
        }
    }
}

std::int64_t Int8Convolution::lanes_before(std::size_t panel) const {
    const auto width = static_cast<std::int64_t>(kernels_->width);
    if (geometry_.depthwise()) return static_cast<std::int64_t>(panel * kQuadVectors) * width;
    return panel == panels_.size() ? total_vectors(panels_) * width : panels_[panel].vectors_before * width;
}

std::int64_t Int8Convolution::lane_of(std::int64_t channel) const {
    if (!geometry_.depthwise()) return channel;
    return channel % 16 / 4 * static_cast<std::int64_t>(kernels_->width) + channel / 16 * 4 + channel % 4;
}

/// The kind of runs that is fastest, or none where it is each quad by itself.
void Int8Convolution::choose_word_runs() {
    AlignedVector<std::int8_t> buffer(coded_.buffer_bytes());
    const auto find = [&](auto runs_of) {
        int16_runs_.clear();
        for (std::size_t p = 0; p < panels_.size(); ++p) {
            const std::int64_t lanes = lanes_before(p + 1) - lanes_before(p);
            int16_runs_.push_back(runs_of(coded_.runs(p), coded_.unpack_panel(p, buffer.data()), lanes));
        }
    };
    find([](auto... panel) { return int16_runs(panel...); });
    std::int64_t quads = 0;
    std::int64_t long_runs = 0;
    std::int64_t pair_runs = 0;
    std::int64_t wide = 0;
    for (const std::vector<std::uint8_t>& lengths : int16_runs_) {
        for (auto length = lengths.begin(); length != lengths.end(); ++length) {
            if (*length == 0) {
                wide += *++length;
                continue;
            }
            quads += *length;
            ++long_runs;
            pair_runs += (*length + 1) / 2;
        }
    }
    const std::int64_t runs_of_two = quads - pair_runs;
    const std::int64_t short_cost =
        runs_of_two * kRunOfTwoCost + (pair_runs - runs_of_two) * kRunOfOneCost + wide * kWideAmongShortCost;
    const std::int64_t long_cost = long_runs * kLongRunCost + quads * kLongRunQuadCost + wide * kWideAmongLongCost;
    if (wide == 0 && quads * kQuadCost <= std::min(short_cost, long_cost)) {
        int16_runs_.clear();
        return;
    }
    pair_runs_ = short_cost < long_cost;
    if (pair_runs_) find([](auto... panel) { return int16_pair_runs(panel...); });
}

/// (taps / 4, lanes, 4), taps rounded up.
void Int8Convolution::pack_depthwise(std::span<const std::int8_t> weights) {
    const std::int64_t taps = geometry_.kh * geometry_.kw;
    const std::int64_t depth = 4 * ((taps + 3) / 4);
    depthwise_weights_.resize(static_cast<std::size_t>(depth * lanes_before(panels_.size())));
    for (std::size_t p = 0; p < panels_.size(); ++p) {
        std::int8_t* const to = depthwise_weights_.data() + depth * lanes_before(p);
        const std::int64_t lanes = lanes_before(p + 1) - lanes_before(p);
        for (std::int64_t channel = 0; channel < panels_[p].channels; ++channel) {
            const std::int8_t* const from = weights.data() + (panels_[p].first_channel + channel) % geometry_.o * taps;
            for (std::int64_t tap = 0; tap < taps; ++tap) {
                to[(tap / 4 * lanes + lane_of(channel)) * 4 + tap % 4] = from[tap];
            }
        }
    }
    const auto quad_bytes = static_cast<std::size_t>(4 * lanes_before(1));
    for (std::size_t quad = 0; quad < depthwise_weights_.size(); quad += quad_bytes) {
        quads_fit_.push_back(pairs_fit(std::span(depthwise_weights_).subspan(quad, quad_bytes)));
    }
}

std::int64_t Int8Convolution::weight_bytes() const {
    const std::size_t by_lane =
        start_.size() * sizeof(std::int32_t) + (scale_.size() + bias_.size() + slopes_.size()) * sizeof(float);
    std::size_t runs = 0;
    for (const std::vector<std::uint8_t>& lengths : int16_runs_) runs += lengths.size();
    const std::int64_t rest = rest_.empty() ? 0 : rest_.front().weight_bytes();
    return coded_.bytes() + static_cast<std::int64_t>(depthwise_weights_.size() + by_lane + runs) + rest;
}

/// The inputs of a panel and its weights as the kernels read them, which may be in memory of this thread that the next
/// call reuses.
const std::int8_t* Int8Convolution::panel_weights(std::size_t panel, const SourceBand<std::uint8_t>& band,
                                                  std::vector<InputSegment>& segments) const {
    segments.clear();
    if (pass_.depthwise) {
        for (const std::ptrdiff_t offset : band.segments) segments.push_back({offset, 0});
        const std::int64_t depth = 4 * ((geometry_.kh * geometry_.kw + 3) / 4);
        segments.resize(static_cast<std::size_t>(depth), segments.front());
        return depthwise_weights_.data() + depth * lanes_before(panel);
    }
    for (const InputRun& run : coded_.runs(panel)) {
        const auto at = [](const std::vector<std::int64_t>& taps, std::int64_t tap) {
            return taps[static_cast<std::size_t>(tap)];
        };
        segments.push_back({at(pass_.y.taps, run.row_tap) * band.row_stride
                                + at(pass_.x.taps, run.column_tap) * band.pixel_stride + run.channel,
                            static_cast<std::size_t>(run.quads)});
    }
    thread_local AlignedVector<std::int8_t> buffer;
    if (buffer.size() < coded_.buffer_bytes()) {
        buffer = AlignedVector<std::int8_t>();  // given back first, so that the larger one may take its place
        buffer.resize(coded_.buffer_bytes());
    }
    return coded_.unpack_panel(panel, buffer.data());
}

/// A part's panels at the pixels begin … end-1 of the raster of outputs that begins at `rows`.
void Int8Convolution::run_part(const std::uint8_t* x, const Int8Output& output, const PanelPart& part,
                               const PassRows& rows, std::int64_t begin, std::int64_t end) const {
    const SourceBand<std::uint8_t> band = source_band(pass_, x, rows, zero_point_);
    std::vector<InputSegment> segments;
    const std::int64_t row_stride = pass_.x.target_extent * pass_.target_channels;
    const std::int64_t corner =
        (rows.first_image * pass_.y.target_extent + rows.first_row - output.first_row) * row_stride;
    // Columns of pixels that are computed together; the last may have fewer than the others.
    const std::int64_t columns = pass_.x.outputs / pixels_together_;
    const std::int64_t pixels_of_last = pass_.x.outputs % pixels_together_;
    const auto run_columns = [&](std::size_t p, const std::int8_t* weights, std::int64_t first, std::int64_t count,
                                 std::int64_t channels) {
        const WeightPanel& panel = panels_[p];
        const std::int64_t lane = lanes_before(p);
        const std::int64_t target = corner + first * pass_.target_channels + panel.first_channel;
        const auto at = [&](auto* values) { return values ? values + target : nullptr; };
        const Int8Block block{
            .grid = {.source = band.source + first * pass_.x.step * band.pixel_stride
                               + first_source_channel(pass_, panel) - part.first_channel,
                     .row_stride = pass_.y.step * band.row_stride,
                     .column_stride = pass_.x.step * band.pixel_stride * pixels_together_,
                     .columns = static_cast<std::size_t>(count),
                     .segments = segments.data(),
                     .segment_count = segments.size()},
            .pixel_begin = static_cast<std::size_t>(begin * count / pass_.x.outputs),
            .pixel_end = static_cast<std::size_t>(end * count / pass_.x.outputs),
            .weights = weights,
            .int16_runs = int16_runs_.empty() ? nullptr : int16_runs_[p].data(),
            .pair_runs = pair_runs_,
            .quads_fit = quads_fit_.data() + p * (quads_fit_.size() / panels_.size()),
            .vectors = static_cast<std::size_t>(panel.vectors),
            .channels = static_cast<std::size_t>(channels),
            .start = start_.data() + lane,
            .scale = scale_.data() + lane,
            .bias = bias_.data() + lane,
            .slopes = slopes_.empty() ? nullptr : slopes_.data() + lane,
            .output = at(output.floats),
            .output_bytes = at(output.bytes),
            .residual = at(output.residual),
            .residual_bytes = at(output.residual_bytes),
            .output_row_stride = row_stride,
            .output_column_stride = pass_.target_channels * pixels_together_,
            .function = output.function,
            .residual_scale = output.residual_scale,
            .low = output.low,
            .high = output.high,
        };
        (pass_.depthwise ? kernels_->depthwise_convolution : kernels_->convolution)(block);
    };
    for (std::size_t p = part.first; p < part.last; ++p) {
        const WeightPanel& panel = panels_[p];
        const std::int8_t* const weights = panel_weights(p, band, segments);
        run_columns(p, weights, 0, columns, panel.channels);
        const std::int64_t channels_of_last =
            std::min(panel.channels, pixels_of_last * pass_.target_channels - panel.first_channel);
        if (channels_of_last > 0) run_columns(p, weights, columns * pixels_together_, 1, channels_of_last);
    }
}

void Int8Convolution::run(const std::uint8_t* x, const Int8Output& output) const {
    if (rest_.empty()) return run_own(x, output);
    std::vector<float> sums(static_cast<std::size_t>(geometry_.n * geometry_.oh * geometry_.ow * geometry_.o));
    run_own(x, {.floats = sums.data(),
                .residual = output.residual,
                .residual_bytes = output.residual_bytes,
                .residual_scale = output.residual_scale});
    rest_.front().run(x, {.floats = output.floats,
                          .bytes = output.bytes,
                          .residual = sums.data(),
                          .function = output.function,
                          .low = output.low,
                          .high = output.high});
}

void Int8Convolution::run_rows(const std::uint8_t* x, std::int64_t begin, std::int64_t end,
                               const Int8Output& output) const {
    Int8Output rows = output;
    rows.first_row = begin;
    run_pixels(x, rows, 1, begin * pass_.x.outputs, end * pass_.x.outputs);
}

void Int8Convolution::run_own(const std::uint8_t* x, const Int8Output& output) const {
    run_pixels(x, output, pass_.images, 0, pass_.y.outputs * pass_.x.outputs);
}

/// The pixels from `from` to `to` of each image's outputs, whole rows.
void Int8Convolution::run_pixels(const std::uint8_t* x, const Int8Output& output, std::int64_t images,
                                 std::int64_t from, std::int64_t to) const {
    if (images * (to - from) * pass_.target_channels == 0) return;
    const bool bands_of_rows = pass_.padded() || pixels_together_ > 1;
    const std::int64_t band = band_pixels(pass_, bands_of_rows);
    const std::int64_t bands = (to - from + band - 1) / band;
    const std::int64_t wanted = (kTasks + images * bands - 1) / (images * bands);
    std::vector<PanelPart> parts = panel_parts(pass_, panels_, wanted);
    if (pixels_together_ > 1) parts = {{0, panels_.size(), 0, pass_.source_channels}};
    const auto part_count = static_cast<std::int64_t>(parts.size());

    tbb::parallel_for(std::int64_t{0}, images * bands * part_count, [&](std::int64_t task) {
        const PanelPart& part = parts[static_cast<std::size_t>(task % part_count)];
        const std::int64_t image = task / part_count / bands;
        const std::int64_t begin = from + task / part_count % bands * band;
        const std::int64_t end = std::min(begin + band, to);
        // Where a band need not have whole rows, the raster is the image's, and pixels may begin amid a row.
        const std::int64_t row = bands_of_rows ? begin / pass_.x.outputs : 0;
        const std::int64_t rows = bands_of_rows ? (end - begin) / pass_.x.outputs : pass_.y.outputs;
        const std::int64_t shift = row * pass_.x.outputs;
        run_part(x, output, part, {image, 1, row, rows, part.first_channel, part.channels}, begin - shift, end - shift);
    });
}

}  // namespace eigenbit::internal
