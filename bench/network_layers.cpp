#include "bench/network_layers.h"

#include <fmt/format.h>

namespace eigenbit::internal {
namespace {

Layer layer(const std::string& network, std::int64_t n, std::int64_t extent, std::int64_t i, std::int64_t o,
            std::int64_t kernel, std::int64_t stride, std::int64_t groups = 1) {
    const std::int64_t pad = kernel / 2;
    const std::int64_t out = convolution_output_extent(extent, 2 * pad, kernel, 1, stride);
    const std::string shape =
        fmt::format("{}/n{}_{}x{}_{}to{}_k{}s{}", network, n, extent, extent, i, o, kernel, stride);
    return {shape,
            {.n = n,
             .h = extent,
             .w = extent,
             .i = i,
             .o = o,
             .kh = kernel,
             .kw = kernel,
             .oh = out,
             .ow = out,
             .stride = {stride, stride},
             .pad = {pad, pad, pad, pad},
             .groups = groups}};
}

}  // namespace

std::vector<Layer> resnet20_layers(std::int64_t n) {
    return {
        layer("resnet20", n, 32, 3, 16, 3, 1),  layer("resnet20", n, 32, 16, 16, 3, 1),
        layer("resnet20", n, 32, 16, 32, 3, 2), layer("resnet20", n, 16, 32, 32, 3, 1),
        layer("resnet20", n, 16, 32, 64, 3, 2), layer("resnet20", n, 8, 64, 64, 3, 1),
        layer("resnet20", n, 32, 16, 32, 1, 2),
    };
}

std::vector<Layer> resnet18_layers(std::int64_t n) {
    return {
        layer("resnet18", n, 224, 3, 64, 7, 2),   layer("resnet18", n, 56, 64, 64, 3, 1),
        layer("resnet18", n, 56, 64, 128, 3, 2),  layer("resnet18", n, 56, 64, 128, 1, 2),
        layer("resnet18", n, 28, 128, 128, 3, 1), layer("resnet18", n, 28, 128, 256, 3, 2),
        layer("resnet18", n, 14, 256, 256, 3, 1), layer("resnet18", n, 14, 256, 512, 3, 2),
        layer("resnet18", n, 7, 512, 512, 3, 1),
    };
}

std::vector<Layer> resnet50_layers(std::int64_t n) {
    return {
        layer("resnet50", n, 56, 64, 64, 1, 1),    layer("resnet50", n, 56, 64, 256, 1, 1),
        layer("resnet50", n, 56, 256, 64, 1, 1),   layer("resnet50", n, 56, 256, 128, 1, 1),
        layer("resnet50", n, 28, 512, 128, 1, 1),  layer("resnet50", n, 28, 128, 512, 1, 1),
        layer("resnet50", n, 56, 256, 512, 1, 2),  layer("resnet50", n, 14, 1024, 256, 1, 1),
        layer("resnet50", n, 14, 256, 1024, 1, 1), layer("resnet50", n, 7, 2048, 512, 1, 1),
        layer("resnet50", n, 7, 512, 2048, 1, 1),  layer("resnet50", n, 56, 128, 128, 3, 2),
        layer("resnet50", n, 28, 256, 256, 3, 2),  layer("resnet50", n, 14, 512, 512, 3, 2),
    };
}

std::vector<Layer> mobilenet_layers(std::int64_t n) {
    return {
        layer("mobilenet", n, 112, 32, 32, 3, 1, 32),   layer("mobilenet", n, 112, 96, 96, 3, 2, 96),
        layer("mobilenet", n, 56, 144, 144, 3, 1, 144), layer("mobilenet", n, 28, 192, 192, 3, 1, 192),
        layer("mobilenet", n, 14, 384, 384, 3, 1, 384), layer("mobilenet", n, 7, 960, 960, 3, 1, 960),
        layer("mobilenet", n, 112, 16, 96, 1, 1),       layer("mobilenet", n, 56, 144, 24, 1, 1),
        layer("mobilenet", n, 14, 64, 384, 1, 1),       layer("mobilenet", n, 7, 160, 960, 1, 1),
    };
}

std::vector<Layer> fully_connected_layers(std::int64_t n) {
    return {layer("fully_connected", n, 1, 512, 1000, 1, 1), layer("fully_connected", n, 1, 4096, 4096, 1, 1)};
}

}  // namespace eigenbit::internal
