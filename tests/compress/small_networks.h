#pragma once

#include "compress/layer.h"
#include "engine/base/random.h"
#include "engine/zoo/network_builder.h"

#include <algorithm>
#include <string_view>

namespace eigenbit::internal {

inline Tensor random_tensor(const Shape& shape, std::uint64_t seed) {
    Random random({seed});
    Tensor values(shape);
    std::ranges::generate(values.values(), [&] { return static_cast<float>(random.normal()); });
    return values;
}

inline Tensor random_images(std::int64_t count, std::uint64_t seed) {
    return random_tensor(Shape{count, 8, 8, 3}, seed);
}

/// Channels that depend on each other, as a trained layer's do: without that a transform has nothing to gain.
inline void correlate_weights(Graph& graph, std::uint64_t seed, double decay = 0.5) {
    for (const Layer& layer : find_layers(graph)) {
        Random random({seed, layer.node});
        Tensor weights = layer_weights(graph, layer);
        for (const Axis axis : {Axis::column, Axis::row}) {
            const std::int64_t n = extent(layer.shape, axis);
            Matrix mixing(n, n);
            for (std::int64_t row = 0; row < n; ++row) {
                for (std::int64_t column = 0; column < n; ++column) {
                    mixing(row, column) = random.normal() / (1.0 + decay * static_cast<double>(column));
                }
            }
            weights = mix(weights, axis, mixing);
        }
        double energy = 0.0;
        for (const float weight : weights.values()) energy += static_cast<double>(weight) * weight;
        const double scale = std::sqrt(2.0 * static_cast<double>(layer.shape[0]) / energy);
        std::ranges::transform(weights.values(), graph.parameter(layer.weight).values().data(),
                               [&](float weight) { return static_cast<float>(weight * scale); });
    }
}

/// Biases, and what a normalisation does, as they are after training: not 0 and 1.
inline void randomize_biases_and_norms(Graph& graph, std::uint64_t seed) {
    for (const Node& node : graph.nodes()) {
        const bool normalization = std::holds_alternative<BatchNormalization>(node.op);
        for (std::size_t i = normalization ? 1 : 2; i < node.inputs.size(); ++i) {
            Random random({seed, static_cast<std::uint64_t>(node.inputs[i])});
            const bool positive = normalization && (i == 1 || i == 4);
            for (float& value : graph.parameter(node.inputs[i]).values().values()) {
                value = static_cast<float>(positive ? 0.5 + random.uniform() : 0.3 * random.normal());
            }
        }
    }
}

/// Convolutions with stride, padding and bias and a fully-connected layer, but nothing between them: 8×8×3 → 4.
inline Graph linear_network(std::uint64_t seed) {
    NetworkBuilder builder(Shape{8, 8, 3}, seed);
    ValueId x = builder.conv("conv1", builder.input(), {.outputs = 6, .kernel = 3, .padding = 1});
    x = builder.conv("conv2", x, {.outputs = 5, .kernel = 3, .stride = 2, .padding = 1, .bias = true});
    x = builder.linear("linear", builder.flatten("flatten", builder.conv("conv3", x, {.outputs = 7, .kernel = 4})), 4);
    Graph graph = std::move(builder).finish(x);
    correlate_weights(graph, seed);
    randomize_biases_and_norms(graph, seed);
    return graph;
}

/// A residual block of convolutions that are normalised, or that have biases, between two others: 8×8×3 → 5.
inline Graph residual_network(std::uint64_t seed, bool normalized) {
    NetworkBuilder builder(Shape{8, 8, 3}, seed);
    const auto layer = [&](const std::string& name, ValueId x, std::int64_t outputs, std::int64_t stride) {
        const ValueId y = builder.conv(
            name, x, {.outputs = outputs, .kernel = 3, .stride = stride, .padding = 1, .bias = !normalized});
        return normalized ? builder.batch_normalization(name + ".norm", y) : y;
    };
    const ValueId stem = builder.relu("stem.relu", layer("stem", builder.input(), 10, 1));
    const ValueId inner = builder.relu("inner.relu", layer("inner", stem, 12, 1));
    const ValueId sum = builder.relu("sum.relu", builder.add("sum", stem, layer("outer", inner, 10, 1)));
    const ValueId last = builder.relu("last.relu", layer("last", sum, 16, 2));
    const ValueId output = builder.linear("linear", builder.global_average_pool("pool", last), 5);
    Graph graph = std::move(builder).finish(output);
    correlate_weights(graph, seed);
    randomize_biases_and_norms(graph, seed);
    return graph;
}

/// Image to image, as restoration networks are: so many outputs that distortion depends smoothly on a step. 8×8×3 →
/// 8×8×3.
inline Graph restoration_network(std::uint64_t seed) {
    NetworkBuilder builder(Shape{8, 8, 3}, seed);
    ValueId x = builder.input();
    for (const auto& [name, outputs] : {std::pair{"first", 12}, std::pair{"second", 16}, std::pair{"third", 12}}) {
        x = builder.relu(std::string(name) + ".relu",
                         builder.conv(name, x, {.outputs = outputs, .kernel = 3, .padding = 1, .bias = true}));
    }
    x = builder.conv("last", x, {.outputs = 3, .kernel = 3, .padding = 1});
    Graph graph = std::move(builder).finish(x);
    correlate_weights(graph, seed);
    randomize_biases_and_norms(graph, seed);
    return graph;
}

inline Layer find_layer(const Graph& graph, std::string_view name) {
    const std::vector<Layer> layers = find_layers(graph);
    return *std::ranges::find_if(layers, [&](const Layer& layer) { return graph.nodes()[layer.node].name == name; });
}

}  // namespace eigenbit::internal
