#include "engine/ops/conv.h"

#include "engine/blas.h"
#include "engine/error.h"

#include <tbb/parallel_for.h>

#include <algorithm>

namespace eigenbit {
namespace {

constexpr std::int64_t kTilePixels = 256;     // output pixels whose patches are gathered at once: they stay in L2
constexpr std::int64_t kGradientChunks = 16;  // partial sums of a weight gradient: fixed, so that threads do not matter

struct Geometry {
    std::int64_t images, height, width, input_channels;
    std::int64_t output_channels, kernel_height, kernel_width;
    std::int64_t output_height, output_width;
    std::int64_t group_inputs, group_outputs, patch;

    Geometry(const Conv& conv, const Shape& x, const Shape& weight, const Shape& y)
        : images(x[0]),
          height(x[1]),
          width(x[2]),
          input_channels(x[3]),
          output_channels(weight[0]),
          kernel_height(weight[1]),
          kernel_width(weight[2]),
          output_height(y[1]),
          output_width(y[2]),
          group_inputs(weight[3]),
          group_outputs(weight[0] / conv.groups),
          patch(weight.elements(1, 4)) {}

    std::int64_t pixels() const { return output_height * output_width; }
    std::int64_t tiles() const { return (pixels() + kTilePixels - 1) / kTilePixels; }
};

/// Calls visit(patch position, input pixel or null when it lies in the padding) for the taps of one output pixel.
template <typename Pixel, typename Visit>
void for_each_tap(const Conv& conv, const Geometry& g, std::int64_t pixel, Pixel* image, Visit visit) {
    const std::int64_t top = pixel / g.output_width * conv.stride[0] - conv.padding[0];
    const std::int64_t left = pixel % g.output_width * conv.stride[1] - conv.padding[1];
    for (std::int64_t ky = 0; ky < g.kernel_height; ++ky) {
        const std::int64_t y = top + ky * conv.dilation[0];
        for (std::int64_t kx = 0; kx < g.kernel_width; ++kx) {
            const std::int64_t x = left + kx * conv.dilation[1];
            const bool inside = y >= 0 && y < g.height && x >= 0 && x < g.width;
            visit((ky * g.kernel_width + kx) * g.group_inputs,
                  inside ? image + (y * g.width + x) * g.input_channels : nullptr);
        }
    }
}

/// Gathers the patches (one row each) of the output pixels begin … end-1 of one image and group.
void gather_patches(const Conv& conv, const Geometry& g, const float* image, std::int64_t begin, std::int64_t end,
                    float* rows) {
    for (std::int64_t pixel = begin; pixel < end; ++pixel, rows += g.patch) {
        for_each_tap(conv, g, pixel, image, [&](std::int64_t position, const float* source) {
            if (source != nullptr) {
                std::copy_n(source, g.group_inputs, rows + position);
            } else {
                std::fill_n(rows + position, g.group_inputs, 0.0F);
            }
        });
    }
}

/// The adjoint of gather_patches.
void scatter_patches(const Conv& conv, const Geometry& g, const float* rows, std::int64_t begin, std::int64_t end,
                     float* image) {
    for (std::int64_t pixel = begin; pixel < end; ++pixel, rows += g.patch) {
        for_each_tap(conv, g, pixel, image, [&](std::int64_t position, float* target) {
            if (target == nullptr) return;
            for (std::int64_t channel = 0; channel < g.group_inputs; ++channel) {
                target[channel] += rows[position + channel];
            }
        });
    }
}

void input_gradient(const Conv& conv, const Geometry& g, ConstView weight, ConstView dy, View dx) {
    tbb::parallel_for(std::int64_t{0}, g.images, [&](std::int64_t image) {
        Tensor rows(Shape{kTilePixels, g.patch});
        for (std::int64_t group = 0; group < conv.groups; ++group) {
            const float* w = weight.data + group * g.group_outputs * g.patch;
            float* target = dx.data + image * g.height * g.width * g.input_channels + group * g.group_inputs;
            for (std::int64_t begin = 0; begin < g.pixels(); begin += kTilePixels) {
                const std::int64_t end = std::min(begin + kTilePixels, g.pixels());
                const float* source =
                    dy.data + (image * g.pixels() + begin) * g.output_channels + group * g.group_outputs;
                multiply(end - begin, g.patch, g.group_outputs, {source, g.output_channels}, {w, g.patch}, 0.0F,
                         rows.data(), g.patch);
                scatter_patches(conv, g, rows.data(), begin, end, target);
            }
        }
    });
}

void weight_gradient(const Conv& conv, const Geometry& g, ConstView x, ConstView dy, View dweight) {
    const std::int64_t tasks = g.images * g.tiles();
    const std::int64_t chunks = std::min(tasks, kGradientChunks);
    std::vector<Tensor> partial(static_cast<std::size_t>(chunks));
    tbb::parallel_for(std::int64_t{0}, chunks, [&](std::int64_t chunk) {
        Tensor& sum = partial[static_cast<std::size_t>(chunk)] = Tensor(dweight.shape);
        Tensor rows(Shape{kTilePixels, g.patch});
        for (std::int64_t task = chunk * tasks / chunks; task < (chunk + 1) * tasks / chunks; ++task) {
            const std::int64_t image = task / g.tiles();
            const std::int64_t begin = task % g.tiles() * kTilePixels;
            const std::int64_t end = std::min(begin + kTilePixels, g.pixels());
            for (std::int64_t group = 0; group < conv.groups; ++group) {
                const float* source = x.data + image * g.height * g.width * g.input_channels + group * g.group_inputs;
                gather_patches(conv, g, source, begin, end, rows.data());
                const float* gradient =
                    dy.data + (image * g.pixels() + begin) * g.output_channels + group * g.group_outputs;
                multiply(g.group_outputs, g.patch, end - begin, {gradient, g.output_channels, true},
                         {rows.data(), g.patch}, 1.0F, sum.data() + group * g.group_outputs * g.patch, g.patch);
            }
        }
    });
    for (const Tensor& sum : partial) {
        for (std::int64_t i = 0; i < dweight.elements(); ++i) dweight[i] += sum[i];
    }
}

void bias_gradient(ConstView dy, View dbias) {
    const std::int64_t channels = dbias.elements();
    for (std::int64_t pixel = 0; pixel < dy.elements() / channels; ++pixel) {
        for (std::int64_t channel = 0; channel < channels; ++channel) dbias[channel] += dy[pixel * channels + channel];
    }
}

std::int64_t output_extent(std::int64_t input, std::int64_t kernel, std::int64_t stride, std::int64_t dilation,
                           std::int64_t padding) {
    const std::int64_t kernel_span = dilation * (kernel - 1) + 1;
    if (kernel_span > input + padding) {
        fail("The kernel covers {} pixels but the padded image has only {}.", kernel_span, input + padding);
    }
    return (input + padding - kernel_span) / stride + 1;
}

}  // namespace

std::vector<Shape> infer_shapes(const Conv& conv, std::span<const Shape> inputs) {
    if (inputs.size() != 2 && inputs.size() != 3) fail("A convolution takes 2 or 3 inputs, not {}.", inputs.size());
    const Shape& x = inputs[0];
    const Shape& weight = inputs[1];
    if (x.rank() != 4 || weight.rank() != 4) {
        fail("A convolution takes an image batch and weights of 4 dimensions, not {} and {}.", to_string(x),
             to_string(weight));
    }
    if (conv.groups < 1 || weight[0] % conv.groups != 0 || weight[3] * conv.groups != x[3]) {
        fail("Weights {} in {} groups do not fit an input of {} channels.", to_string(weight), conv.groups, x[3]);
    }
    if (inputs.size() == 3 && !(inputs[2] == Shape{weight[0]})) {
        fail("The bias has shape {}, expected ({}).", to_string(inputs[2]), weight[0]);
    }
    for (int axis = 0; axis < 2; ++axis) {
        const auto a = static_cast<std::size_t>(axis);
        if (conv.stride[a] < 1 || conv.dilation[a] < 1 || conv.padding[a] < 0 || conv.padding[a + 2] < 0
            || weight[axis + 1] < 1) {
            fail("Strides, dilations and kernel extents must be positive and paddings not negative.");
        }
    }
    const auto& p = conv.padding;
    return {Shape{x[0], output_extent(x[1], weight[1], conv.stride[0], conv.dilation[0], p[0] + p[2]),
                  output_extent(x[2], weight[2], conv.stride[1], conv.dilation[1], p[1] + p[3]), weight[0]}};
}

std::int64_t multiply_accumulates(const Conv&, std::span<const Shape> inputs, std::span<const Shape> outputs) {
    return outputs[0].elements() * inputs[1].elements(1, 4);
}

void forward(const Conv& conv, const ForwardArguments& arguments) {
    const ConstView x = arguments.inputs[0];
    const ConstView weight = arguments.inputs[1];
    const View y = arguments.outputs[0];
    const Geometry g(conv, x.shape, weight.shape, y.shape);
    tbb::parallel_for(std::int64_t{0}, g.images * g.tiles(), [&](std::int64_t task) {
        const std::int64_t image = task / g.tiles();
        const std::int64_t begin = task % g.tiles() * kTilePixels;
        const std::int64_t end = std::min(begin + kTilePixels, g.pixels());
        float* target = y.data + (image * g.pixels() + begin) * g.output_channels;
        float beta = 0.0F;
        if (arguments.inputs.size() == 3) {
            beta = 1.0F;
            for (std::int64_t pixel = 0; pixel < end - begin; ++pixel) {
                std::copy_n(arguments.inputs[2].data, g.output_channels, target + pixel * g.output_channels);
            }
        }
        Tensor rows(Shape{end - begin, g.patch});
        for (std::int64_t group = 0; group < conv.groups; ++group) {
            const float* source = x.data + image * g.height * g.width * g.input_channels + group * g.group_inputs;
            gather_patches(conv, g, source, begin, end, rows.data());
            multiply(end - begin, g.group_outputs, g.patch, {rows.data(), g.patch},
                     {weight.data + group * g.group_outputs * g.patch, g.patch, true}, beta,
                     target + group * g.group_outputs, g.output_channels);
        }
    });
}

void backward(const Conv& conv, const BackwardArguments& arguments) {
    const ConstView x = arguments.inputs[0];
    const ConstView weight = arguments.inputs[1];
    const ConstView dy = arguments.output_gradients[0];
    const Geometry g(conv, x.shape, weight.shape, dy.shape);
    const auto gradients = arguments.input_gradients;
    if (gradients[0].data != nullptr) input_gradient(conv, g, weight, dy, gradients[0]);
    if (gradients[1].data != nullptr) weight_gradient(conv, g, x, dy, gradients[1]);
    if (gradients.size() == 3 && gradients[2].data != nullptr) bias_gradient(dy, gradients[2]);
}

}  // namespace eigenbit
