#pragma once

#include "engine/graph/graph.h"

namespace eigenbit::internal {

/// AlexNet in its single-tower form (Krizhevsky 2014, One weird trick for parallelizing convolutional neural networks).
/// `image` is (H, W, C); 61,100,840 parameters for (224, 224, 3) and 1,000 classes, nearly all in three fully-connected
/// layers.
Graph alexnet(const Shape& image, std::int64_t classes, std::uint64_t seed);

/// The residual networks for small images of He et al. 2015 (Deep residual learning, section 4.2): three stages of
/// 16, 32 and 64 channels with blocks_per_stage blocks of two 3×3 convolutions each, shortcuts without parameters
/// (option A: every second pixel, zeros for the new channels). 6 · blocks_per_stage + 2 layers with weights. `image` is
/// (H, W, C).
Graph cifar_resnet(int blocks_per_stage, const Shape& image, std::int64_t classes, std::uint64_t seed);

/// DenseNet-BC for CIFAR (Huang et al. 2017, section 3): growth rate 12, bottlenecks, compression 0.5; `depth` − 4 is a
/// multiple of 6. Sides of the image must be at least 4. Throws Error when they are not.
Graph densenet_bc(int depth, const Shape& image, std::int64_t classes, std::uint64_t seed);

/// ResNet-18 and ResNet-50 for large images (He et al. 2015, Deep residual learning, table 1): a 7×7 convolution, four
/// stages of 64, 128, 256 and 512 channels, shortcuts with 1×1 convolutions where the shape changes. A bottleneck's
/// stride is in its 3×3 convolution, as networks are trained today. `image` is (H, W, C); 11,689,512 and 25,557,032
/// parameters for (224, 224, 3) and 1,000 classes.
Graph imagenet_resnet18(const Shape& image, std::int64_t classes, std::uint64_t seed);
Graph imagenet_resnet50(const Shape& image, std::int64_t classes, std::uint64_t seed);

/// LeNet-5 (LeCun et al. 1998, Gradient-based learning applied to document recognition) as it is trained today: ReLU,
/// max pooling, all maps of the second convolution connected. `image` is (H, W, C); 61,706 parameters for (28, 28, 1)
/// and 10 classes.
Graph lenet5(const Shape& image, std::int64_t classes, std::uint64_t seed);

/// MobileNet-v2 (Sandler et al. 2018, table 2): inverted residual blocks of 1×1, depthwise 3×3 and 1×1 convolutions.
/// `image` is (H, W, C); 3,504,872 parameters for (224, 224, 3) and 1,000 classes. The CIFAR form keeps the resolution
/// in the stem and in the second stage, whose strides are 1.
Graph mobilenet_v2(const Shape& image, std::int64_t classes, std::uint64_t seed);
Graph cifar_mobilenet_v2(const Shape& image, std::int64_t classes, std::uint64_t seed);

/// The VGG-Small that networks of few bits are compared on (Zhang et al. 2018, LQ-Nets, section 4.1): two convolutions
/// each of 128, 256 and 512 channels, pooled after each two, and one fully-connected layer.
Graph vgg_small(const Shape& image, std::int64_t classes, std::uint64_t seed);

}  // namespace eigenbit::internal
