#include "engine/kernels/convolution_pass.h"

#include "engine/tensor.h"

#include <algorithm>

namespace eigenbit {
namespace {

PassAxis forward_axis(std::int64_t source, std::int64_t outputs, std::int64_t kernel, std::int64_t stride,
                      std::int64_t dilation, std::int64_t pad) {
    PassAxis axis{source, outputs, -pad, stride, outputs, 0, 1, {}, {}};
    for (std::int64_t k = 0; k < kernel; ++k) {
        axis.taps.push_back(k * dilation);
        axis.kernel_index.push_back(k);
    }
    return axis;
}

/// Inputs i with (i + pad) % stride == phase were read as (i + pad - k * dilation) / stride by kernel rows k with
/// k * dilation % stride == phase.
PassAxis gradient_axis(std::int64_t inputs, std::int64_t outputs, std::int64_t kernel, std::int64_t stride,
                       std::int64_t dilation, std::int64_t pad, std::int64_t phase) {
    PassAxis axis{outputs, inputs, 0, 1, 0, 0, stride, {}, {}};
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

}  // namespace

bool PassAxis::padded() const { return origin < 0 || origin + (outputs - 1) * step + reach() >= source_extent; }

std::int64_t ConvolutionPass::depth() const {
    return static_cast<std::int64_t>(y.taps.size() * x.taps.size()) * (source_channels / groups);
}

ConvolutionPass forward_pass(const ConvolutionGeometry& g) {
    return {g.n,
            forward_axis(g.h, g.oh, g.kh, g.stride[0], g.dilation[0], g.pad[0]),
            forward_axis(g.w, g.ow, g.kw, g.stride[1], g.dilation[1], g.pad[1]),
            g.i,
            g.o,
            g.groups,
            g.depthwise()};
}

std::vector<ConvolutionPass> input_gradient_passes(const ConvolutionGeometry& g) {
    std::vector<ConvolutionPass> passes;
    for (std::int64_t y = 0; y < g.stride[0]; ++y) {
        for (std::int64_t x = 0; x < g.stride[1]; ++x) {
            passes.push_back({g.n, gradient_axis(g.h, g.oh, g.kh, g.stride[0], g.dilation[0], g.pad[0], y),
                              gradient_axis(g.w, g.ow, g.kw, g.stride[1], g.dilation[1], g.pad[1], x), g.o, g.i,
                              g.groups, g.depthwise()});
        }
    }
    return passes;
}

void flatten_pixels(ConvolutionPass& pass) {
    const auto pointwise = [](const PassAxis& axis) {
        return axis.taps.size() == 1 && axis.origin == 0 && axis.step == 1 && axis.spacing == 1
               && axis.source_extent == axis.outputs && axis.target_extent == axis.outputs;
    };
    if (!pointwise(pass.y) || !pointwise(pass.x)) return;
    const std::int64_t pixels = pass.images * pass.y.outputs * pass.x.outputs;
    pass.images = 1;
    pass.y.source_extent = pass.y.target_extent = pass.y.outputs = 1;
    pass.x.source_extent = pass.x.target_extent = pass.x.outputs = pixels;
}

PassSegments::PassSegments(const ConvolutionPass& pass, std::int64_t row_stride) {
    const std::vector<std::int64_t>& columns = pass.x.taps;
    const std::int64_t taps = static_cast<std::int64_t>(columns.size());
    const bool whole_rows = pass.groups == 1 && taps > 0 && columns.back() == taps - 1;
    length = static_cast<std::size_t>(pass.source_channels / pass.groups * (whole_rows ? taps : 1));
    for (const std::int64_t row : pass.y.taps) {
        for (const std::int64_t column : columns) {
            offsets.push_back(row * row_stride + column * pass.source_channels);
            if (whole_rows) break;
        }
    }
}

PassBand padded_band(const ConvolutionPass& pass, const float* source, std::int64_t images, std::int64_t first_row,
                     std::int64_t rows) {
    thread_local Tensor memory;
    const std::int64_t source_rows = pass.source_rows(rows);
    const std::int64_t row_stride = pass.source_columns() * pass.source_channels;
    const std::int64_t floats = images * source_rows * row_stride;
    if (memory.elements() < floats) memory = Tensor(Shape{floats});

    const std::int64_t width = pass.x.source_extent * pass.source_channels;
    const std::int64_t left = pass.x.origin * pass.source_channels;  // of the band, in the image's row
    const std::int64_t begin = std::clamp<std::int64_t>(left, 0, width);
    const std::int64_t end = std::clamp<std::int64_t>(left + row_stride, begin, width);
    float* to = memory.data();
    for (std::int64_t image = 0; image < images; ++image) {
        for (std::int64_t r = 0; r < source_rows; ++r, to += row_stride) {
            const std::int64_t row = pass.y.origin + first_row * pass.y.step + r;
            if (row < 0 || row >= pass.y.source_extent || end == begin) {
                std::fill_n(to, row_stride, 0.0F);
                continue;
            }
            const float* const from = source + (image * pass.y.source_extent + row) * width;
            float* const copied = std::copy(from + begin, from + end, std::fill_n(to, begin - left, 0.0F));
            std::fill(copied, to + row_stride, 0.0F);
        }
    }
    return {memory.data(), row_stride, source_rows * row_stride};
}

PassBand plain_band(const ConvolutionPass& pass, const float* source, std::int64_t first_row) {
    const std::int64_t row_stride = pass.x.source_extent * pass.source_channels;
    const std::int64_t row = pass.y.origin + first_row * pass.y.step;
    return {source + row * row_stride + pass.x.origin * pass.source_channels, row_stride,
            pass.y.source_extent * row_stride};
}

std::int64_t band_rows(const ConvolutionPass& pass, std::int64_t bytes) {
    const std::int64_t row_bytes =
        pass.source_columns() * pass.source_channels * static_cast<std::int64_t>(sizeof(float));
    const std::int64_t most = std::max<std::int64_t>(1, (bytes / row_bytes - pass.y.reach() - 1) / pass.y.step + 1);
    const std::int64_t bands = (pass.y.outputs + most - 1) / most;
    return (pass.y.outputs + bands - 1) / bands;  // of equal sizes
}

}  // namespace eigenbit
