#pragma once

#include "engine/kernels/loops/convolution_geometry.h"

#include <string>
#include <vector>

namespace eigenbit::internal {

/// A convolution of a real network, for benchmarks.
struct Layer {
    std::string name;
    ConvolutionGeometry geometry;
};

/// The different convolutions of networks for `n` images.
std::vector<Layer> resnet20_layers(std::int64_t n);
std::vector<Layer> resnet18_layers(std::int64_t n);
std::vector<Layer> resnet50_layers(std::int64_t n);
std::vector<Layer> mobilenet_layers(std::int64_t n);
std::vector<Layer> fully_connected_layers(std::int64_t n);

}  // namespace eigenbit::internal
