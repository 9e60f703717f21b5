#include "engine/base/random.h"
#include "engine/executor/graph_executor.h"
#include "engine/graph/layer_view.h"
#include "engine/passes/simulate_int8.h"
#include "engine/program/inference.h"
#include "engine/weights/int8_weights.h"
#include "engine/zoo/network_builder.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace eigenbit::internal;

namespace {

constexpr ActivationQuantizer kQuantizer{.bit_depth = 8, .step = 0.03F, .zero_point = 120};

/// Two convolutions with the same weights, of which the first one reads a quantized value.
struct TiedLayers {
    ValueId input, first;
    Graph graph;

    TiedLayers() {
        NetworkBuilder builder(Shape{8, 8, 6}, 1);
        input = builder.input();
        first = builder.conv("first", input, {.outputs = 6, .kernel = 3, .padding = 1});
        const ValueId second = builder.conv("second", first, {.outputs = 6, .kernel = 3, .padding = 1});
        graph = std::move(builder).finish(second);
        graph.node(1).inputs[1] = graph.nodes()[0].inputs[1];
        graph.remove_unused_nodes();
        graph.quantize_activation(input, kQuantizer);
    }
};

Tensor random_images() {
    Tensor images(Shape{2, 8, 8, 6});
    Random random({1});
    for (float& value : images.values()) value = static_cast<float>(random.normal());
    return images;
}

}  // namespace

TEST_CASE("in simulation, weights are rounded where int8 execution computes in int8, and nowhere else") {
    TiedLayers network;
    const Weight weight = network.graph.parameter(layers_of(network.graph)[0].weight);
    simulate_int8(network.graph);
    const std::vector<LayerView> layers = layers_of(network.graph);
    const Tensor rounded = image(int8_weights(weight), weight.shape());
    CHECK(std::ranges::equal(image(network.graph.parameter(layers[0].weight)).values(), rounded.values()));
    CHECK(std::ranges::equal(image(network.graph.parameter(layers[1].weight)).values(), image(weight).values()));
}

TEST_CASE("weights rounded to int8 have levels of 8 bits, which int8 execution takes as they are") {
    TiedLayers network;
    const Weight weight = network.graph.parameter(layers_of(network.graph)[0].weight);
    round_to_int8(network.graph);
    const std::vector<LayerView> layers = layers_of(network.graph);
    const Weight& rounded = network.graph.parameter(layers[0].weight);
    REQUIRE(rounded.quantized());
    const Int8Weights codes = int8_weights(weight);
    CHECK(int8_weights(rounded).codes == codes.codes);
    CHECK(int8_weights(rounded).scale == codes.scale);
    CHECK(std::ranges::equal(image(rounded).values(), image(codes, weight.shape()).values()));
    CHECK(network.graph.parameter(layers[1].weight).is_float());
}

TEST_CASE("int8 execution computes what is simulated, up to the rounding of floats") {
    TiedLayers network;
    const Tensor images = random_images();
    const Shape shape = images.shape();
    Inference int8(network.graph, std::span(&shape, 1), Execution::int8);
    const ConstView computed = int8.run(images);
    const auto error = [&](const Graph& graph) {
        GraphExecutor session(graph, shape);
        const ConstView simulated = session.run(images);
        float largest = 0.0F;
        for (std::int64_t i = 0; i < simulated.shape.elements(); ++i) {
            largest = std::max(largest, std::abs(simulated[i] - computed[i]));
        }
        return largest;
    };
    const float exact = error(network.graph);
    simulate_int8(network.graph);
    CHECK(error(network.graph) < 1e-4F);
    CHECK(exact > 1e-3F);
}
