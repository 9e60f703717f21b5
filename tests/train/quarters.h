#pragma once

#include "engine/base/random.h"
#include "engine/zoo/network_builder.h"
#include "train/trainer.h"

#include <vector>

namespace eigenbit::internal {

/// Grey images of 8 × 8 pixels in four classes: which quarter is brighter, under much noise.
inline Dataset quarters(std::int64_t size) {
    Dataset dataset;
    dataset.name = "quarters";
    dataset.size = size;
    dataset.preprocessing = {.channels = 1, .height = 8, .width = 8, .mean = {0.5F}, .std = {0.3F}};
    dataset.augmentation = {.padding = 1};
    dataset.class_count = 4;
    for (std::int64_t i = 0; i < size; ++i) dataset.labels.push_back(static_cast<int>(i % 4));
    dataset.read = [](std::int64_t index, Example& example) {
        Random random({7, static_cast<std::uint64_t>(index)});
        example.image = {.height = 8, .width = 8, .channels = 1, .pixels = std::vector<std::uint8_t>(64)};
        for (int pixel = 0; pixel < 64; ++pixel) {
            const bool in_quarter = pixel / 32 * 2 + pixel % 8 / 4 == index % 4;
            example.image.pixels[static_cast<std::size_t>(pixel)] =
                static_cast<std::uint8_t>(random.below(180) + (in_quarter ? 75 : 0));
        }
    };
    return dataset;
}

/// Convolution, normalization and dropout: all that makes a step depend on more than the weights.
inline Graph small_network() {
    NetworkBuilder net(Shape{8, 8, 1}, 3);
    ValueId x = net.conv("conv1", net.input(), {.outputs = 8, .kernel = 3, .stride = 2, .padding = 1});
    x = net.relu("relu1", net.batch_normalization("bn1", x));
    x = net.conv("conv2", x, {.outputs = 8, .kernel = 4, .bias = true});
    x = net.node("dropout", Dropout{.probability = 0.25F}, {net.flatten("flatten", x)});
    return std::move(net).finish(net.linear("fc", x, 4));
}

inline TrainingOptions options_for(int epochs) {
    return {.epochs = epochs,
            .batch = 16,
            .schedule = {.peak = 0.05, .epochs = static_cast<double>(epochs)},
            .sgd = {.weight_decay = 1e-4},
            .seed = 11,
            .checkpoint = {}};
}

inline std::vector<float> all_weights(const Graph& graph) {
    std::vector<float> weights;
    for (const auto& [id, parameter] : graph.parameters()) {
        const Tensor values = image(parameter);
        weights.insert(weights.end(), values.values().begin(), values.values().end());
    }
    return weights;
}

}  // namespace eigenbit::internal
