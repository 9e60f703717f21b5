#include "engine/graph/layer_view.h"
#include "engine/passes/prepare_for_inference.h"
#include "tests/engine/network_run.h"
#include "tests/engine/operator_run.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace eigenbit::internal;

TEST_CASE("dropout, constant arithmetic and batch normalization vanish, of quantized layers too") {
    Graph graph;
    const ValueId x = graph.add_input("x", Shape{0, 5, 5, 3});
    const ValueId basis = graph.add_parameter("basis", random_tensor({9, 2}, 1));
    const ValueId coefficients = graph.add_parameter("coefficients", random_tensor({4, 2, 3}, 2));
    const ValueId product = graph.add_node("product", MatMul{}, {basis, coefficients});
    const ValueId weights = graph.add_node("weights", Reshape{{4, 3, 3, 3}}, {product});
    ValueId y = graph.add_node("first", Conv{}, {graph.add_node("dropout", Dropout{}, {x}), weights});
    const ValueId quantized = graph.add_parameter("quantized", Quantized{.shape = Shape{2, 1, 1, 4},
                                                                         .axis = 0,
                                                                         .blocks = {{0, 2, 4, 0.5F}},
                                                                         .levels = {1, 2, 3, 4, -5, -6, -7, -8}});
    y = graph.add_node("relu", Activation{}, {y});
    y = graph.add_node("second", Conv{}, {y, quantized});
    const auto statistic = [&](const std::string& name, float low) {
        return graph.add_parameter(name, random_tensor({2}, 3, low, 1.5F));
    };
    graph.add_output(graph.add_node("norm", BatchNormalization{},
                                    {y, statistic("scale", 0.5F), statistic("bias", -1.0F), statistic("mean", -1.0F),
                                     statistic("variance", 0.1F)}));
    const Tensor input = random_tensor({2, 5, 5, 3}, 6);
    const Tensor output = run(graph, input);
    prepare_for_inference(graph);
    CHECK(graph.nodes().size() == 3);
    CHECK(graph.parameter(quantized).quantized()->levels == std::vector<std::int16_t>{1, 2, 3, 4, -5, -6, -7, -8});
    CHECK(layer_at(graph, 2)->gain.has_value());
    CHECK(relative_error(run(graph, input), output) < 1e-5F);
}
