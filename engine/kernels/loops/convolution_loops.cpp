#include "engine/kernels/loops/convolution_loops.h"

#include "engine/base/tensor.h"

#include <algorithm>

namespace eigenbit::internal {
namespace {

constexpr std::int64_t kReadBeyond = 3;  // elements behind a copy that kernels may read, for they read four at a time

LoopAxis forward_axis(std::int64_t source, std::int64_t outputs, std::int64_t kernel, std::int64_t stride,
                      std::int64_t dilation, std::int64_t pad) {
    LoopAxis axis{source, outputs, -pad, stride, outputs, 0, 1, {}, {}};
    for (std::int64_t k = 0; k < kernel; ++k) {
        axis.taps.push_back(k * dilation);
        axis.kernel_index.push_back(k);
    }
    return axis;
}

/// Inputs i with (i + pad) % stride == phase were read as (i + pad - k * dilation) / stride by kernel rows k with
/// k * dilation % stride == phase.
LoopAxis gradient_axis(std::int64_t inputs, std::int64_t outputs, std::int64_t kernel, std::int64_t stride,
                       std::int64_t dilation, std::int64_t pad, std::int64_t phase) {
    LoopAxis axis{outputs, inputs, 0, 1, 0, 0, stride, {}, {}};
    axis.first = ((phase - pad) % stride + stride) % stride;
    axis.outputs = axis.first < inputs ? (inputs - axis.first + stride - 1) / stride : 0;
    std::vector<std::int64_t> delays;
    for (std::int64_t k = kernel - 1; k >= 0; --k) {
        if (k * dilation % stride != phase) continue;
        delays.push_back(k * dilation / stride);
        axis.kernel_index.push_back(k);
    }
    const std::int64_t longest = delays.empty() ? 0 : delays.front();
    for (const std::int64_t delay : delays) axis.taps.push_back(longest - delay);
    axis.origin = (axis.first + pad - phase) / stride - longest;
    return axis;
}

/// Columns of the image that the pass reads, and border before them.
struct CopiedColumns {
    std::int64_t begin, end, border;
};

CopiedColumns copied_columns(const ConvolutionLoops& pass) {
    const std::int64_t begin = std::clamp<std::int64_t>(pass.x.origin, 0, pass.x.source_extent);
    const std::int64_t end =
        std::clamp<std::int64_t>(pass.x.origin + pass.source_columns(), begin, pass.x.source_extent);
    return {begin, end, begin - pass.x.origin};
}

template <typename Element>
void copy_padded(const ConvolutionLoops& pass, const Element* source, const PassRows& rows, Element border,
                 Element* to) {
    const std::int64_t row_elements = pass.source_columns() * rows.channels;
    const auto [begin, end, columns_before] = copied_columns(pass);
    const bool whole_pixels = rows.channels == pass.source_channels;
    for (std::int64_t image = 0; image < rows.images; ++image) {
        for (std::int64_t r = 0; r < pass.source_rows(rows.rows); ++r, to += row_elements) {
            const std::int64_t row = pass.y.origin + rows.first_row * pass.y.step + r;
            if (row < 0 || row >= pass.y.source_extent || begin == end) {
                std::fill_n(to, row_elements, border);
                continue;
            }
            const std::int64_t pixel =
                ((rows.first_image + image) * pass.y.source_extent + row) * pass.x.source_extent + begin;
            const Element* from = source + pixel * pass.source_channels + rows.first_channel;
            Element* copied = std::fill_n(to, columns_before * rows.channels, border);
            if (whole_pixels) {
                copied = std::copy_n(from, (end - begin) * rows.channels, copied);
            } else {
                for (std::int64_t column = begin; column < end; ++column, from += pass.source_channels) {
                    copied = std::copy_n(from, rows.channels, copied);
                }
            }
            std::fill(copied, to + row_elements, border);
        }
    }
}

template <typename Element>
void set_segments(const ConvolutionLoops& pass, SourceBand<Element>& band) {
    const bool joined = joins_columns(pass);
    const auto taps = static_cast<std::int64_t>(pass.x.taps.size());
    band.segment_length = static_cast<std::size_t>(pass.source_channels / pass.groups * (joined ? taps : 1));
    for (const std::int64_t row : pass.y.taps) {
        for (const std::int64_t column : pass.x.taps) {
            band.segments.push_back(row * band.row_stride + column * band.pixel_stride);
            if (joined) break;
        }
    }
}

}  // namespace

bool LoopAxis::padded() const { return origin < 0 || origin + (outputs - 1) * step + reach() >= source_extent; }

std::int64_t ConvolutionLoops::depth() const {
    return static_cast<std::int64_t>(y.taps.size() * x.taps.size()) * (source_channels / groups);
}

ConvolutionLoops forward_pass(const ConvolutionGeometry& g) {
    return {g.n,
            forward_axis(g.h, g.oh, g.kh, g.stride[0], g.dilation[0], g.pad[0]),
            forward_axis(g.w, g.ow, g.kw, g.stride[1], g.dilation[1], g.pad[1]),
            g.i,
            g.o,
            g.groups,
            g.depthwise()};
}

std::vector<ConvolutionLoops> input_gradient_passes(const ConvolutionGeometry& g) {
    std::vector<ConvolutionLoops> passes;
    for (std::int64_t y = 0; y < g.stride[0]; ++y) {
        for (std::int64_t x = 0; x < g.stride[1]; ++x) {
            passes.push_back({g.n, gradient_axis(g.h, g.oh, g.kh, g.stride[0], g.dilation[0], g.pad[0], y),
                              gradient_axis(g.w, g.ow, g.kw, g.stride[1], g.dilation[1], g.pad[1], x), g.o, g.i,
                              g.groups, g.depthwise()});
        }
    }
    return passes;
}

void flatten_pixels(ConvolutionLoops& pass) {
    const auto pointwise = [](const LoopAxis& axis) {
        return axis.taps.size() == 1 && axis.origin == 0 && axis.step == 1 && axis.spacing == 1
               && axis.source_extent == axis.outputs && axis.target_extent == axis.outputs;
    };
    if (!pointwise(pass.y) || !pointwise(pass.x)) return;
    const std::int64_t pixels = pass.images * pass.y.outputs * pass.x.outputs;
    pass.images = 1;
    pass.y.source_extent = pass.y.target_extent = pass.y.outputs = 1;
    pass.x.source_extent = pass.x.target_extent = pass.x.outputs = pixels;
}

bool joins_columns(const ConvolutionLoops& pass) {
    const auto taps = static_cast<std::int64_t>(pass.x.taps.size());
    return pass.groups == 1 && taps > 0 && pass.x.taps.back() == taps - 1;
}

template <typename Element>
SourceBand<Element> source_band(const ConvolutionLoops& pass, const Element* source, const PassRows& rows,
                                Element border) {
    const std::int64_t width = pass.x.source_extent * pass.source_channels;
    SourceBand<Element> band{};
    if (pass.padded()) {
        thread_local Tensor memory;
        band.pixel_stride = rows.channels;
        band.row_stride = pass.source_columns() * rows.channels;
        band.image_stride = pass.source_rows(rows.rows) * band.row_stride;
        const std::int64_t elements = rows.images * band.image_stride + kReadBeyond;
        constexpr std::int64_t kFloat = sizeof(float) / sizeof(Element);
        if (memory.elements() * kFloat < elements) {
            memory = Tensor();  // given back first, so that the larger one may take its place
            memory = Tensor(Shape{(elements + kFloat - 1) / kFloat});
        }
        auto* const copy = reinterpret_cast<Element*>(memory.data());
        copy_padded(pass, source, rows, border, copy);
        band.source = copy;
    } else {
        band.pixel_stride = pass.source_channels;
        band.row_stride = width;
        band.image_stride = pass.y.source_extent * width;
        band.source = source + rows.first_image * band.image_stride
                      + (pass.y.origin + rows.first_row * pass.y.step) * width + pass.x.origin * pass.source_channels
                      + rows.first_channel;
    }
    set_segments(pass, band);
    return band;
}

template SourceBand<float> source_band(const ConvolutionLoops&, const float*, const PassRows&, float);
template SourceBand<std::uint8_t> source_band(const ConvolutionLoops&, const std::uint8_t*, const PassRows&,
                                              std::uint8_t);

std::int64_t band_rows(const ConvolutionLoops& pass, std::int64_t channels, std::int64_t elements) {
    const std::int64_t row_elements = pass.source_columns() * channels;
    const std::int64_t most =
        std::max<std::int64_t>(1, (elements / row_elements - pass.y.reach() - 1) / pass.y.step + 1);
    const std::int64_t bands = (pass.y.outputs + most - 1) / most;
    return (pass.y.outputs + bands - 1) / bands;
}

}  // namespace eigenbit::internal
